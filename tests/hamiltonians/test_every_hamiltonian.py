"""What every Hamiltonian is: held for all that there are, by one list."""

import pytest
import torch
from parts import concrete
from physical_parts import HAMILTONIANS

import vfe_lightning.hamiltonians
from vfe_lightning.calculus.gradient import gradient
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian, Hamiltonian
from vfe_lightning.hamiltonians.trapped_particles import PairInteraction, TrappedParticles

OF_OPENMM = {"AlanineDipeptide"}  # which may not be installed


def found(name: str):
    one = HAMILTONIANS[name]
    return one.make(), one.draw()


def test_the_list_is_complete():
    made = [one.make() for name, one in HAMILTONIANS.items() if name != "alanine dipeptide"]
    here = vfe_lightning.hamiltonians
    assert {type(h).__name__ for h in made} | OF_OPENMM == concrete(here, Hamiltonian)
    pairs = {type(h.interaction).__name__ for h in made if isinstance(h, TrappedParticles)}
    assert pairs == concrete(here, PairInteraction)


@pytest.mark.parametrize("name", HAMILTONIANS)
def test_each_sample_has_an_energy_of_its_own(name):
    h, x = found(name)
    energy = h.energy(x)
    assert energy.shape == (6,) and energy.dtype == torch.float64 and energy.isfinite().all()
    alone = torch.cat([h.energy(one[None]) for one in x])
    torch.testing.assert_close(alone, energy, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [name for name, one in HAMILTONIANS.items() if one.changes])
def test_symmetries_keep_the_energy(name):
    h, x = found(name)
    for change in HAMILTONIANS[name].changes:
        assert not torch.equal(change(x), x)
        torch.testing.assert_close(h.energy(change(x)), h.energy(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", HAMILTONIANS)
def test_gradients_are_derivatives_and_constants(name):
    h, x = found(name)
    if not isinstance(h, ContinuousHamiltonian):
        assert not hasattr(h, "gradient")
        return
    before, expected = x.clone(), gradient(h.energy, x)
    slope = h.gradient(x.requires_grad_())
    assert not slope.requires_grad and torch.equal(x, before)
    away, largest = (slope - expected).flatten(1), expected.flatten(1).abs().amax(dim=1)
    assert (away.abs().amax(dim=1) <= 1e-12 * largest).all()  # forces of close pairs cancel to others
    with torch.no_grad():
        assert torch.equal(h.gradient(before), slope)
