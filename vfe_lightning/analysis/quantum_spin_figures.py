"""Pictures of spins 1/2: the levels of the circuit."""

from matplotlib.figure import Figure
from torch import Tensor

SHOWN = 20


def levels_figure(found: Tensor, exact: Tensor) -> Figure:
    """The lowest energies <x|U^+ H U|x> of sampled x beside the lowest exact levels: (levels,) each."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for values, style, name in ((exact, "_", "exact"), (found, "x", "circuit")):
        shown = values[:SHOWN].tolist()
        axes.plot(range(len(shown)), shown, style, markersize=10 if style == "_" else 5, label=name)
    axes.set(xlabel="state", ylabel="E / J of the whole system")
    axes.legend(frameon=False)
    return figure
