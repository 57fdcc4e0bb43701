"""Potts' model on autoregressive networks of colours: exact values, and what is measured."""

from functools import partial

import torch

from vfe_lightning import declarations
from vfe_lightning.analysis import spin_figures as figures
from vfe_lightning.exact import transfer_matrix
from vfe_lightning.generative.symbols import Colours
from vfe_lightning.generative.symmetrized import Symmetrized
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.potts import Potts, cycled, order_parameter
from vfe_lightning.samplers.elsewhere import any_values
from vfe_lightning.systems.physics import Physics
from vfe_lightning.systems.spin_kernels import potts_kernels
from vfe_lightning.systems.spin_models import model_of
from vfe_lightning.systems.spins import Spins


def potts(d: declarations.Potts) -> Spins:
    """Colours on a square lattice."""
    sites = d.L**2
    bonds = lattices.bonds(d.L, lattices.SQUARE, d.periodic)
    network = model_of(d.network, sites, symmetrize=False, symbols=Colours(d.q))
    hamiltonian = Potts(bonds, d.J)
    physics = Physics(
        size=sites,
        beta=d.beta,
        units="J",
        per="spin",
        hamiltonian=hamiltonian,
        model=Symmetrized(network, partial(cycled, q=d.q), d.q) if d.symmetrize else network,
        observables={"order_parameter": lambda x: order_parameter(x, d.q)},
        reference=lambda tolerance: transfer_matrix.potts(bonds, sites, d.q, d.J, d.beta),
        figures=lambda evaluation, shots: figures.configurations(shots[-1], d.L, (0, d.q - 1), "viridis"),
        kernels=partial(potts_kernels, hamiltonian, d.q, sites, d.beta),
        elsewhere=any_values(d.L**2, torch.arange(d.q, dtype=torch.float64)),
    )
    return Spins(d, physics)
