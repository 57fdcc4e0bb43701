"""The pictures of a run among its artifacts, each for the screen and for paper."""

import io
import math
from functools import partial

from matplotlib.figure import Figure

from vfe_lightning.analysis.figures import convergence
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.result import Reference
from vfe_lightning.tracking.conclusion import landmarks_of
from vfe_lightning.tracking.record import Record

FORMATS = ("png", "pdf")
DPI = 150


def record_figures(
    record: Record, system: VariationalFreeEnergy, reference: Reference | None, title: str = ""
) -> None:
    """The convergence so far and, after an evaluation, the system's own pictures; what fails is told.

    Args:
        title: of the convergence: what was found.
    """
    attempt = system.failures.attempt
    figures: dict[str, Figure] = {}
    if record.curve("free_energy"):
        course = attempt("figure convergence", lambda: _course(record, system, reference, title))
        figures |= {"convergence": course} if course else {}
    if system.evaluation:
        figures |= attempt("figures", system.figures) or {}
    for name, figure in figures.items():
        for format, picture in (attempt(f"figure {name}", partial(drawn, figure)) or {}).items():
            record.file(picture, f"figures/{name}.{format}")


def drawn(figure: Figure) -> dict[str, bytes]:
    """A figure in each format, laid out once: to find room for all labels takes as long as to draw."""
    pictures = {}
    for format in FORMATS:
        buffer = io.BytesIO()
        figure.savefig(buffer, format=format, dpi=DPI)
        pictures[format] = buffer.getvalue()
        figure.set_layout_engine(None)
    return pictures


def _course(record: Record, system: VariationalFreeEnergy, reference: Reference | None, title: str) -> Figure:
    lines = {} if reference is None else {"exact": reference.free_energy}
    landmarks = system.failures.attempt("landmarks", lambda: landmarks_of(system)) or {}
    lines |= {name: f for name, f in landmarks.items() if math.isfinite(f)}
    error, entropy, variance = map(record.curve, ("free_energy_error", "entropy", "variance"))
    f = record.curve("free_energy")
    return convergence(f, error, entropy, variance, system.units, system.per, lines, title)
