r"""The one-body density matrix in momentum space, by moving one electron at a time.

$$ n_k = \sum_j \Big\langle e^{-i k \cdot s_j} \frac{\Psi(\ldots, x_j + s_j, \ldots)}{\Psi(x)} \Big\rangle, $$

x ~ |Psi|^2, s_j uniform in the cell and k on the twisted grid: W. L. McMillan, Phys. Rev. 138, A442 (1965).
The square of each ratio has mean one, so that the variance is finite, about the number of electrons, whatever
the nodes are. It falls by the same estimator of a state whose n_k is known, in coordinates in which that is
sampled, with the same s: a control variate.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def moved_one_by_one(log_psi: Callable[[Tensor], Tensor], x: Tensor, shift: Tensor) -> Tensor:
    """Psi(..., x_j + s_j, ...) / Psi(x) for each electron j: (batch, n, dim) twice -> complex (batch, n)."""
    start, ratios = log_psi(x), []
    for j in range(x.shape[1]):
        moved = x.clone()
        moved[:, j] += shift[:, j]
        ratios.append((log_psi(moved) - start).exp())
    return torch.stack(ratios, dim=1)


def momentum_distribution(ratios: Tensor, shift: Tensor, k: Tensor, spins: Sequence[int]) -> Tensor:
    """n_k of each sample and spin.

    Args:
        ratios: of `moved_one_by_one`, (batch, n).
        shift: (batch, n, dim).
        k: in absolute units, (orbitals, dim).
        spins: electrons of each, which stand one spin after the other.

    Returns:
        (batch, spins, orbitals).
    """
    angle = shift @ k.T
    each = ratios.real[..., None] * angle.cos() + ratios.imag[..., None] * angle.sin()
    return torch.stack([part.sum(dim=1) for part in each.split(list(spins), dim=1)], dim=1)


def controlled(values: Tensor, control: Tensor) -> Tensor:
    """Values less the part that a control explains whose mean is known to be zero: (samples, ...) twice.

    One coefficient for all entries but the first axis together, from the same samples, which biases the mean
    by less than a share of one in the number of samples.
    """
    y, c = (x - x.mean(dim=0) for x in (values, control))
    size = c.square().mean()
    return values - (y * c).mean() / torch.where(size > 0, size, 1.0) * control
