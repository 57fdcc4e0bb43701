"""Spins 1/2: known levels, classical limits, and random traces against all levels."""

import math

import pytest
import torch
from judging import agrees

from vfe_lightning.exact.enumeration import energies, thermodynamics
from vfe_lightning.exact.quantum_spins import lowest_states, matrix, thermal_lanczos, thermal_state
from vfe_lightning.hamiltonians.lattices import SQUARE_LINKS, cell_bonds, couplings
from vfe_lightning.hamiltonians.pauli import PauliSum, heisenberg, transverse_ising
from vfe_lightning.hamiltonians.spins import PairwiseSpins

# rows, columns, gamma, beta: F, E, S, C by an independent diagonalisation
TABLE = {
    (2, 2, 1.0, 1.0): (-5.834004, -4.75615, 1.077854, 1.085955),
    (2, 3, 2.0, 1.0): (-13.230995, -12.493966, 0.737029, 1.292486),
    (3, 3, 1.0, 0.5): (-17.481442, -9.469058, 4.006192, 3.578097),
}


def ising(rows: int, columns: int, gamma: float) -> PauliSum:
    bonds, sites = cell_bonds(rows, columns, SQUARE_LINKS), rows * columns
    return PauliSum(sites, transverse_ising(bonds, sites, 1.0, gamma))


@pytest.mark.parametrize("point", TABLE)
def test_thermodynamics_of_the_transverse_ising_model(point):
    rows, columns, gamma, beta = point
    t = thermal_state(ising(rows, columns, gamma), beta)
    found = (t.free_energy, t.energy, t.entropy, t.heat_capacity)
    assert found == pytest.approx(TABLE[point], abs=2e-6)


def test_without_a_field_it_is_the_classical_model_and_without_coupling_free_spins():
    bonds = cell_bonds(2, 3, SQUARE_LINKS)
    classical = PairwiseSpins(couplings(torch.tensor(bonds), 1.0, 6))
    expected = thermodynamics(energies(classical.energy, 6), 0.8)
    found = thermal_state(ising(2, 3, 0.0), 0.8).reference
    assert found.free_energy == pytest.approx(expected.free_energy, abs=1e-12)
    assert found.entropy == pytest.approx(expected.entropy, abs=1e-12)
    free = thermal_state(PauliSum(4, transverse_ising([], 4, 1.0, 0.7)), 2.0)
    assert free.free_energy == pytest.approx(-4 / 2 * math.log(2 * math.cosh(1.4)), abs=1e-12)


def test_random_traces_and_lowest_levels_are_those_of_all_levels():
    hamiltonian = ising(3, 3, 1.0)
    exact = thermal_state(hamiltonian, 1.0)
    found = thermal_lanczos(hamiltonian, 1.0, vectors=64)
    torch.testing.assert_close(found.levels, exact.levels[:20], rtol=0, atol=1e-9)
    assert 0 < found.free_energy_error < 0.01
    assert agrees(found.free_energy, found.free_energy_error, exact.free_energy, samples=64)
    assert found.heat_capacity == pytest.approx(exact.heat_capacity, rel=0.05)
    assert found.purity == pytest.approx(exact.purity, rel=0.02)


def test_complex_hamiltonians_have_the_same_levels_in_another_basis():
    """Y in place of X turns each spin about z, and the matrix is complex."""
    bonds = cell_bonds(2, 3, SQUARE_LINKS)
    strings = transverse_ising(bonds, 6, 1.0, 0.9)
    turned = [type(s)(s.coefficient, s.letters.replace("X", "Y"), s.sites) for s in strings]
    one, other = PauliSum(6, strings), PauliSum(6, turned)
    assert matrix(other).is_complex() and not matrix(one).is_complex()
    levels, states = lowest_states(other, 4)
    torch.testing.assert_close(levels, torch.linalg.eigvalsh(matrix(one))[:4], rtol=0, atol=1e-9)
    torch.testing.assert_close(other.apply_to(states), states * levels, rtol=0, atol=1e-8)


def test_a_ring_of_four_spins_has_the_energy_of_the_textbook():
    ring = PauliSum(4, heisenberg([(0, 1), (1, 2), (2, 3), (3, 0)], 4, 1.0, 1.0, 0.0))
    assert thermal_state(ring, 1.0).levels[0].item() == pytest.approx(-2.0, abs=1e-12)


def test_too_many_spins_are_refused():
    with pytest.raises(ValueError, match=r"sites = 12.*11"):
        thermal_state(ising(3, 4, 1.0), 1.0)
