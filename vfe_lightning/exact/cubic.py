"""The one equation that sizes of particles in a trap obey."""

import math


def positive_root(linear: float, constant: float) -> float:
    """r > 0 with r^3 = linear r + constant, neither of which is negative and not both zero."""
    r = max(math.sqrt(2 * linear), (2 * constant) ** (1 / 3))  # above the root, from where Newton descends
    while True:
        excess = r - linear / r - constant / r / r
        lower = r - excess / (3 - linear / r / r)
        if not lower < r:
            return r
        r = lower
