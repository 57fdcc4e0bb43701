"""Stretched states: the same spectrum, and a virial of zero at the best factor."""

import numpy as np
import pytest

from vfe_lightning.exact.trap_diagonalization import determinants, hamiltonian
from vfe_lightning.exact.trap_first_order import determinant_energy, thermal_free_energy
from vfe_lightning.exact.trap_scaling import ScaledHamiltonian, best_scale
from vfe_lightning.exact.two_electron_dot import ground_state


@pytest.mark.parametrize(("n_up", "n_down"), [(2, 0), (1, 1)])
def test_the_spectrum_converges_from_above_at_any_factor(n_up: int, n_down: int) -> None:
    m, z = (1 if n_down == 0 else 0), 2.0
    exact = ground_state(z, same_spin=n_down == 0)
    for scale in (0.9, 1.0, 1.2):
        lowest = [
            float(
                np.linalg.eigvalsh(ScaledHamiltonian.of(determinants(n_up, n_down, c)[m], z, n_up).at(scale))[
                    0
                ]
            )
            for c in (6, 10, 16)
        ]
        assert lowest[0] > lowest[1] > lowest[2] > exact
        assert lowest[2] - exact < 0.4 * (lowest[0] - exact)


def test_without_a_stretch_it_is_the_hamiltonian_and_the_centre_of_mass_is_free() -> None:
    states = determinants(2, 1, 8)[0]
    parts = ScaledHamiltonian.of(states, 1.5, 2)
    np.testing.assert_allclose(parts.at(1.0), hamiltonian(states, 1.5, 2), atol=1e-12)
    # energies of the centre of mass alone are 1, 2, 3, ...
    centre = np.linalg.eigvalsh(parts.free - parts.trap - parts.kinetic)
    np.testing.assert_allclose(centre, np.round(centre), atol=1e-9)
    assert round(centre[0]) == 1


def test_the_best_factor_is_the_minimum() -> None:
    found = determinant_energy([0, 1, 2], [], 4.0)
    h = ScaledHamiltonian.of(np.array([[0, 1, 2]]), 4.0, 3)
    energies = [float(h.at(s * found.scale)[0, 0]) for s in (0.99, 1.0, 1.01)]
    assert energies[1] < min(energies[0], energies[2])
    assert energies[1] == pytest.approx(found.scaled_free_energy)
    assert found.free_energy == pytest.approx(float(h.at(1.0)[0, 0]))
    assert best_scale(5.0, 0.0) == 1.0
    hot = thermal_free_energy(3, 0, 4.0, 1.0, 10)
    assert hot.scaled_free_energy < hot.free_energy and 1 < hot.scale < found.scale
