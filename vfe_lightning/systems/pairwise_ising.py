"""Ising spins of given couplings and fields, beside all their configurations where they are few."""

import torch

from vfe_lightning import declarations
from vfe_lightning.analysis import spin_figures as figures
from vfe_lightning.hamiltonians.spins import PairwiseSpins
from vfe_lightning.systems.spin_models import model_of
from vfe_lightning.systems.spin_physics import PAIRS, enumerated, pairwise
from vfe_lightning.systems.spins import Spins


def pairwise_ising(d: declarations.PairwiseIsing) -> Spins:
    """Spins whose couplings are data."""
    n = len(d.J)
    J = torch.tensor(d.J, dtype=torch.float64)
    h = torch.tensor(d.h or [0.0] * n, dtype=torch.float64)
    hamiltonian = PairwiseSpins(J, h)
    return pairwise(
        d,
        hamiltonian,
        model_of(d.network, n, d.symmetrize),
        lambda tolerance: enumerated(hamiltonian, n, d.beta),
        {"magnetization": lambda s: s.mean(dim=1), **PAIRS},
        lambda evaluation, shots: figures.overlap_distribution(shots[-1]),
    )
