r"""Naive mean field: independent spins of magnetisation m.

$$ F(m) = -\tfrac12 m^T J m - h \cdot m + T \sum_i [ p_i \ln p_i + (1 - p_i) \ln (1 - p_i) ],
\quad p = (1 + m) / 2, $$

an upper bound on F at every m, stationary where m = tanh(beta (J m + h)).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

ITERATIONS = 2000
TOLERANCE = 1e-10


@dataclass(frozen=True)
class MeanField:
    """The lowest solution that was found.

    Attributes:
        free_energy: of all spins; a bound whether or not it converged.
        magnetizations: (n,).
        converged: whether the iteration of that solution came to rest.
    """

    free_energy: float
    magnetizations: Tensor
    converged: bool


def naive_mean_field(
    J: Tensor, beta: float, restarts: int = 50, seed: int = 0, h: Tensor | None = None
) -> MeanField:
    """The best of damped fixed-point iterations from random and from uniform magnetisations.

    Args:
        J: symmetric couplings with a zero diagonal, H = -1/2 s^T J s: (n, n).
        restarts: how many first magnetisations; two of them are zero and uniform.
        h: fields, (n,); None: no one.
    """
    h = J.new_zeros(len(J)) if h is None else h
    if restarts < 2:
        raise ValueError(f"restarts = {restarts} is too few: at least 2")
    generator = torch.Generator().manual_seed(seed)
    m = 2 * torch.rand(restarts, len(J), generator=generator, dtype=J.dtype) - 1
    m[0], m[1] = 0, 0.9
    moving = torch.ones(restarts, dtype=torch.bool)
    for _ in range(ITERATIONS):
        old = m[moving]
        m[moving] = (old + torch.tanh(beta * (old @ J + h))) / 2
        moving[moving.clone()] = (m[moving] - old).abs().amax(dim=1) > TOLERANCE
        if not moving.any():
            break
    free_energies = free_energy(J, beta, m, h)
    best = free_energies.argmin()
    return MeanField(free_energies[best].item(), m[best], not bool(moving[best]))


def free_energy(J: Tensor, beta: float, m: Tensor, h: Tensor | float = 0.0) -> Tensor:
    """F of independent spins: magnetisations (batch, n) -> (batch,)."""
    up, down = (1 + m) / 2, (1 - m) / 2
    entropy = -(torch.xlogy(up, up) + torch.xlogy(down, down)).sum(dim=1)
    return -((0.5 * (m @ J) + h) * m).sum(dim=1) - entropy / beta
