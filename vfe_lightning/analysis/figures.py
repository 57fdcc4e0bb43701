"""Pictures of how a run went: pure functions of its numbers."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from vfe_lightning.notation import units_text

RELATIVE = 1e-10  # rounding of one sample
History = Mapping[int, float]  # a metric by step


def convergence(
    free_energy: History,
    error: History,
    entropy: History,
    variance: History,
    units: str,
    per: str,
    references: Mapping[str, float],
    title: str = "",
) -> Figure:
    """F with its error band and the known values; S; and the variance of F_loc, against the step.

    The legend stands above, where no line goes through it.
    """
    figure = Figure(figsize=(7, 8.5), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1.4, 1.4))
    steps = np.array(sorted(free_energy))
    f = np.array([free_energy[s] for s in steps])
    band = np.array([error.get(s, 0.0) for s in steps])
    top.fill_between(steps, f - band, f + band, alpha=0.3, linewidth=0)
    top.plot(steps, f, linewidth=1)
    for index, (name, value) in enumerate(references.items()):
        top.axhline(value, color=f"C{index + 1}", linestyle="--", linewidth=1, label=f"{name} {value:.6g}")
    if references:
        figure.legend(*top.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    top.set_title(title, fontsize="medium")
    top.set_ylabel(f"F / {units_text(units, per)}")
    limit(top, f, list(references.values()))
    middle.plot(sorted(entropy), [entropy[s] for s in sorted(entropy)], linewidth=1)
    middle.set_ylabel(f"S / $k_B$\nper {per}" if per else "S / $k_B$")
    floor = rounding(f)
    bottom.semilogy(sorted(variance), [max(variance[s], floor) for s in sorted(variance)], linewidth=1)
    bottom.set_ylabel(f"Var $F_{{loc}}$\n/ ({units_text(units, per)})$^2$")
    low, high = bottom.get_ylim()
    if high > 10 * low:  # where there are powers of ten to be labelled, those between them are too many
        bottom.yaxis.set_minor_formatter(NullFormatter())
    bottom.set_xlabel("step")
    return figure


def rounding(free_energy: np.ndarray) -> float:
    """The variance below which there is nothing but rounding in samples of so large an F."""
    finite = np.abs(free_energy[np.isfinite(free_energy)])
    return max((RELATIVE * finite.max(initial=0.0)) ** 2, 1e-300)


def limit(axes, values: np.ndarray, references: list[float]) -> None:
    """Show where the run went, not its first spikes."""
    finite = values[np.isfinite(values)]
    if len(finite) < 20:
        return
    low, high = np.quantile(finite, [0.0, 0.98])
    low, high = min([low, *references]), max([high, *references])
    margin = 0.05 * (high - low) or 1e-3
    axes.set_ylim(low - margin, high + margin)
