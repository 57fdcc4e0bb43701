"""Ising spins with any pair couplings: lattices, neural networks and spin glasses differ in J and h alone."""

import math

import torch
from torch import Tensor

from vfe_lightning.hamiltonians.hamiltonian import Hamiltonian


class PairwiseSpins(Hamiltonian):
    r"""$H = -\tfrac12 \sum_{ij} J_{ij} s_i s_j - \sum_i h_i s_i$ with $s_i = \pm 1$ and $J_{ii} = 0$.

    Args:
        J: couplings, (n, n).
        h: fields, (n,); None: no one.

    Raises:
        ValueError: J is not symmetric, or its diagonal is not zero, or h is not one number a spin.
    """

    J: Tensor
    h: Tensor

    def __init__(self, J: Tensor, h: Tensor | None = None) -> None:
        super().__init__()
        if J.ndim != 2 or not torch.equal(J, J.mT) or J.diagonal().any():
            raise ValueError("the couplings J must be a symmetric matrix with zeros on its diagonal")
        h = J.new_zeros(len(J)) if h is None else h
        if h.shape != J.shape[:1]:
            raise ValueError(f"the fields h must be one number for each of {len(J)} spins: {tuple(h.shape)}")
        self.register_buffer("J", J, persistent=False)
        self.register_buffer("h", h, persistent=False)

    def energy(self, x: Tensor) -> Tensor:
        """(batch, n) -> (batch,)."""
        return pair_energy(x, self.J) - x @ self.h


def pair_energy(x: Tensor, J: Tensor) -> Tensor:
    """-sum_{i<j} J_ij x_i x_j, J (n, n) symmetric with zeros on its diagonal: (batch, n) -> (batch,)."""
    return -0.5 * ((x @ J) * x).sum(dim=1)


def hopfield_couplings(patterns: Tensor) -> Tensor:
    r"""$J_{ij} = \frac1N \sum_\mu \xi^\mu_i \xi^\mu_j$ for i != j: Hopfield, PNAS 79, 2554 (1982).

    (P, N) -> (N, N).
    """
    J = patterns.mT @ patterns / patterns.shape[1]
    return J.fill_diagonal_(0.0)


def balanced_patterns(n: int, count: int, seed: int) -> Tensor:
    """Patterns +-1 whose overlaps with each other are as small as they can be: (count, n).

    The sites take all 2^count combinations of signs equally often, so that the patterns are
    orthogonal and balanced where n is a multiple of 2^count; what is left over is drawn.
    """
    generator = torch.Generator().manual_seed(seed)
    combinations = 2**count
    left_over = torch.randperm(combinations, generator=generator)[: n % combinations]
    of_site = torch.cat([torch.arange(combinations).repeat(n // combinations), left_over])
    of_site = of_site[torch.randperm(n, generator=generator)]
    return (1 - 2 * (of_site >> torch.arange(count)[:, None] & 1)).double()


def sherrington_kirkpatrick_couplings(n: int, seed: int) -> Tensor:
    """J_ij ~ N(0, 1/n), symmetric: Sherrington & Kirkpatrick, PRL 35, 1792 (1975). (n, n)."""
    generator = torch.Generator().manual_seed(seed)
    J = torch.randn(n, n, generator=generator, dtype=torch.float64) / math.sqrt(n)
    J = J.triu(1)
    return J + J.mT


def edwards_anderson_bonds(count: int, J: float, gaussian: bool, seed: int) -> Tensor:
    """Random couplings of the bonds of a lattice, J times N(0, 1) or J times +-1: (count,).

    Edwards & Anderson, J. Phys. F 5, 965 (1975); of both signs Toulouse, Commun. Phys. 2, 115 (1977).
    """
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(count, generator=generator, dtype=torch.float64)
    return J * (normal if gaussian else torch.where(normal < 0, -1.0, 1.0).double())
