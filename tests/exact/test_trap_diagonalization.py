"""Coulomb matrix elements in a trap by quadrature and closed forms; configuration interaction as a bound."""

import math

import numpy as np
import pytest
import torch

from vfe_lightning.exact.trap_coulomb import pair_blocks, separation
from vfe_lightning.exact.trap_diagonalization import determinants, diagonalize_trap, hamiltonian, levels
from vfe_lightning.exact.two_electron_dot import two_electron_dot
from vfe_lightning.wavefunctions.fock_darwin import FockDarwin


@pytest.mark.parametrize("quanta", [0, 1, 4, 12, 24])
def test_separation_is_orthogonal(quanta: int) -> None:
    np.testing.assert_allclose(separation(quanta) @ separation(quanta).T, np.eye(quanta + 1), atol=1e-12)


def element(pairs: np.ndarray, v: np.ndarray, bra: tuple[int, ...], ket: tuple[int, ...]) -> float:
    rows = [int(np.flatnonzero((pairs == pair).all(1))[0]) for pair in (bra, ket)]
    return float(v[rows[0], rows[1]])


def test_lowest_elements_in_closed_form() -> None:
    """<00|V|00> = sqrt(pi / 2); with m = 1 direct 3/4 and exchange 1/4 of it."""
    blocks = pair_blocks(3)
    unit = math.sqrt(math.pi / 2)
    assert element(*blocks[0], (0, 0, 0, 0), (0, 0, 0, 0)) == pytest.approx(unit)
    assert element(*blocks[1], (0, 0, 1, 0), (0, 0, 1, 0)) == pytest.approx(0.75 * unit)
    assert element(*blocks[1], (0, 0, 1, 0), (1, 0, 0, 0)) == pytest.approx(0.25 * unit)


def test_elements_with_nodes_by_quadrature() -> None:
    """<ab|V|cd> = int dq / (2 pi) 2 pi / q rho_ac(q) rho_bd(-q) with densities on a grid, phases included."""
    orbitals = FockDarwin(3)
    axis = torch.linspace(-7, 7, 72, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    phi = orbitals.values(grid)
    index = {tuple(q): k for k, q in enumerate(orbitals.quanta.tolist())}
    # polar grid of momenta, whose volume element takes the singularity of 1 / q
    q, weight = np.polynomial.legendre.leggauss(32)
    q, weight = torch.from_numpy(6 * (q + 1)), torch.from_numpy(6 * weight)
    angles = 2 * math.pi * torch.arange(24, dtype=torch.float64) / 24
    k = (q[:, None, None] * torch.stack([angles.cos(), angles.sin()], 1)).flatten(0, 1)
    wave = torch.polar(torch.ones(len(grid), len(k), dtype=torch.float64), grid @ k.T)

    def density(a: tuple[int, int], c: tuple[int, int], sign: int) -> torch.Tensor:
        product = phi[:, index[a]].conj() * phi[:, index[c]] * (axis[1] - axis[0]) ** 2
        return product @ (wave if sign > 0 else wave.conj())

    for a, b, c, d in [
        ((0, 0), (1, 1), (1, 1), (0, 0)),
        ((1, 1), (0, 0), (0, 0), (0, 0)),
        ((2, 0), (0, 1), (1, 0), (0, 0)),
        ((2, 0), (0, 2), (1, 1), (1, 1)),
        ((1, 0), (1, 1), (2, 0), (0, 1)),
    ]:
        found = (weight[:, None].expand(-1, 24).flatten() * density(a, c, 1) * density(b, d, -1)).sum()
        expected = float(found.real) / 24
        m = a[0] - a[1] + b[0] - b[1]
        assert element(*pair_blocks(6)[m], (*a, *b), (*c, *d)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("n_up", "n_down", "z", "tolerance"), [(2, 0, 2.0, 1e-3), (1, 1, 1.0, 1e-2)])
def test_two_electrons_are_bounded_from_above_and_converge(
    n_up: int, n_down: int, z: float, tolerance: float
) -> None:
    for beta in (2.0, math.inf):
        exact = two_electron_dot(z, beta, same_spin=n_down == 0)
        errors = [
            diagonalize_trap(n_up, n_down, z, beta, cutoff).free_energy - exact.free_energy
            for cutoff in (10, 14, 18)
        ]
        assert errors[0] > errors[1] > errors[2] > 0
        assert errors[2] < tolerance


@pytest.mark.parametrize(
    ("n", "z", "beta", "cutoff", "converged", "tolerance"),
    [
        (3, 2.0, math.inf, 16, 8.32045, 2.5e-3),
        (3, 8.0, math.inf, 16, 15.59376, 2e-4),
        (3, 8.0, 10.0, 14, 15.592168, 1e-3),
        (4, 2.0, math.inf, 14, 14.25292, 1.2e-2),
    ],
)
def test_three_and_four_electrons_approach_larger_bases(
    n: int, z: float, beta: float, cutoff: int, converged: float, tolerance: float
) -> None:
    found = diagonalize_trap(n, 0, z, beta, cutoff).free_energy
    assert -1e-4 < found - converged < tolerance


def test_centre_of_mass_and_spin_multiplets() -> None:
    """Levels of the polarised triplet come back with one spin flipped; so does the centre of mass."""
    polarised, mixed = levels(2, 0, 2.0, 12), levels(1, 1, 2.0, 12)
    for m, of_m in polarised.items():
        assert all(np.abs(mixed[m] - e).min() < 1e-9 for e in of_m)
    lowest = levels(3, 0, 2.0, 12)[0][0]
    assert np.abs(levels(3, 0, 2.0, 13)[1] - 1 - lowest).min() < 1e-9


def test_the_matrix_is_symmetric_and_its_diagonal_is_first_order() -> None:
    states = determinants(2, 1, 9)[1]
    h = hamiltonian(states, 1.5, 2)
    np.testing.assert_allclose(h, h.T, atol=1e-12)
    free = hamiltonian(states, 0.0, 2)
    assert (np.diag(h) > np.diag(free)).all()


def test_a_cutoff_below_all_determinants_is_refused() -> None:
    with pytest.raises(ValueError, match="cutoff"):
        diagonalize_trap(4, 0, 1.0, 1.0, 3)
