"""The classical Runge-Kutta method of fourth order with a fixed step, for states of several tensors."""

from collections.abc import Callable, Sequence

from torch import Tensor

State = Sequence[Tensor]


def integrate(
    slope: Callable[[float, State], State], state: State, start: float, end: float, steps: int
) -> State:
    """The state at `end` of d state / dt = slope(t, state); end may lie before start.

    W. Kutta, Z. Math. Phys. 46, 435 (1901). The error falls as steps^-4.
    """
    h = (end - start) / steps
    for step in range(steps):
        t = start + step * h
        k1 = slope(t, state)
        k2 = slope(t + h / 2, _moved(state, k1, h / 2))
        k3 = slope(t + h / 2, _moved(state, k2, h / 2))
        k4 = slope(t + h, _moved(state, k3, h))
        state = [
            y + (h / 6) * (a + 2 * (b + c) + d) for y, a, b, c, d in zip(state, k1, k2, k3, k4, strict=True)
        ]
    return state


def _moved(state: State, slope: State, h: float) -> State:
    return [y + h * k for y, k in zip(state, slope, strict=True)]
