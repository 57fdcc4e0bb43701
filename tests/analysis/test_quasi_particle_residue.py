"""Z from samples whose electrons are known to be in quasi-particles by a given share."""

import math

import torch
from judging import agrees

from vfe_lightning.analysis.quasi_particle_residue import by_star, of_metal
from vfe_lightning.analysis.quasi_particles import Orbitals
from vfe_lightning.hamiltonians.periodic_box import plane_waves

ORBITALS = Orbitals(plane_waves(2, 4, (0.0, 0.0)), 1.0, (3,))


def made(states, share=0.6, noise=0.3, cold=False):
    """n_k = share N_k + what is left, with noise of which a control knows nearly all."""
    generator = torch.Generator().manual_seed(0)
    shape = states, 1, len(ORBITALS.k)
    chance = (-ORBITALS.k.square().sum(1) / 2).exp() if not cold else (ORBITALS.k.norm(dim=1) < 1.1).double()
    bare = (torch.rand(shape, generator=generator, dtype=torch.float64) < chance).double()
    known, unknown = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    numbers = share * bare + 0.1 + noise * (known + 0.2 * unknown)
    return numbers, bare + known, bare


def test_what_a_quasi_particle_adds_is_its_residue():
    parts = made(2000)
    z, error = of_metal(ORBITALS, *parts)
    assert agrees(z, error, 0.6, 2000) and error < 0.01
    rows = by_star(ORBITALS, *parts)
    assert rows["k/k_F"].is_monotonic_increasing and rows["orbitals"].sum() == len(ORBITALS.k)
    chance = 0.6 * (-(rows["k/k_F"] ** 2) / 2).map(math.exp) + 0.1
    assert agrees(torch.tensor(rows["n"]), torch.tensor(rows["n_error"]), torch.tensor(chance), 2000)
    varies = rows["Z"].notna()
    z, error = (torch.tensor(rows.loc[varies, name].to_numpy()) for name in ("Z", "Z_error"))
    assert varies.sum() == 3  # not that of k = 0, which is always there
    assert agrees(z, error, 0.6, 2000)


def test_the_jump_of_the_ground_state_is_the_residue():
    z, error = of_metal(ORBITALS, *made(2000, share=0.45, cold=True))
    assert agrees(z, error, 0.45, 2000) and error < 0.01
    assert by_star(ORBITALS, *made(200, cold=True))["Z"].isna().all()
