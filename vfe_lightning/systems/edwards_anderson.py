"""Spin glasses on square lattices: exact values, and what is measured."""

import torch

from vfe_lightning import declarations
from vfe_lightning.analysis import spin_figures as figures
from vfe_lightning.exact import transfer_matrix
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.spins import PairwiseSpins, edwards_anderson_bonds
from vfe_lightning.systems.spin_models import model_of
from vfe_lightning.systems.spin_physics import PAIRS, pairwise
from vfe_lightning.systems.spins import Spins


def edwards_anderson(d: declarations.EdwardsAnderson) -> Spins:
    """Spins with random couplings of neighbours."""
    sites = d.L**2
    bonds = lattices.bonds(d.L, lattices.SQUARE, d.periodic)
    values = edwards_anderson_bonds(len(bonds), d.J, d.disorder == "gaussian", d.disorder_seed)
    J, h = lattices.couplings(bonds, values, sites), torch.full((sites,), d.h, dtype=torch.float64)

    return pairwise(
        d,
        PairwiseSpins(J, h),
        model_of(d.network, sites, d.symmetrize),
        lambda tolerance: transfer_matrix.ising(J, h, d.beta),
        {"magnetization": lambda s: s.mean(dim=1), **PAIRS},
        lambda evaluation, shots: (
            figures.overlap_distribution(shots[-1]) | figures.configurations(shots[-1], d.L)
        ),
    )
