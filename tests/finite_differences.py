"""Central differences in single parameters, which gradients are held against."""

from collections.abc import Callable, Iterator
from itertools import accumulate

from torch import Tensor, nn


def slope(value: Callable[[], float], p: Tensor, at: int, h: float) -> float:
    """d value / dp of one entry of a parameter, which is as before in the end."""
    flat = p.data.view(-1)
    old, found = float(flat[at]), []
    for sign in (1, -1):
        flat[at] = old + sign * h
        found.append(value())
    flat[at] = old
    return (found[0] - found[1]) / (2 * h)


def columns(module: nn.Module) -> Iterator[tuple[nn.Parameter, int]]:
    """Each parameter, and the column of scores where its entries begin."""
    parameters = list(module.parameters())
    return zip(parameters, accumulate((p.numel() for p in parameters), initial=0), strict=False)
