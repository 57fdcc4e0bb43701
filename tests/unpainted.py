"""Figures that are made, and saved without being painted, which takes longer than a small run itself."""

from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure


def savefig(figure: Figure, target: BytesIO | Path | str, **_: object) -> None:
    """In place of `Figure.savefig`."""
    write = target.write if isinstance(target, BytesIO) else Path(target).write_bytes
    write(b"unpainted")
