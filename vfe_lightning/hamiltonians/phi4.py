r"""Scalar phi^4 theory on an L x L torus.

$$ S = \sum_x \phi_x \sum_\mu (2 \phi_x - \phi_{x+\mu} - \phi_{x-\mu}) + M^2 \phi_x^2 + \lambda \phi_x^4 $$

without factors 1/2, as in Albergo, Kanwar & Shanahan, Phys. Rev. D 100, 034515 (2019) and arXiv 2101.08176.
"""

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian


class PhiFour(ContinuousHamiltonian):
    """The Euclidean action; fields are (batch, L, L) and beta is 1."""

    def __init__(self, m2: float, lam: float) -> None:
        super().__init__()
        self.m2, self.lam = m2, lam

    def energy(self, x: Tensor) -> Tensor:
        """(batch, L, L) -> (batch,)."""
        square = x.square()
        forward = torch.roll(x, 1, -1) + torch.roll(x, 1, -2)  # each bond once
        return (square * (4 + self.m2 + self.lam * square) - 2 * x * forward).sum(dim=(-1, -2))

    def gradient(self, x: Tensor) -> Tensor:
        """(batch, L, L) -> (batch, L, L)."""
        x = x.detach()
        neighbours = sum(torch.roll(x, step, axis) for step in (1, -1) for axis in (-1, -2))
        return 2 * x * (4 + self.m2 + 2 * self.lam * x.square()) - 2 * neighbours
