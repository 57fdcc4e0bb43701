"""Naive mean field and Bethe where they are exact, where they are known, and where they fail."""

import math

import pytest
import torch
from scipy.optimize import minimize_scalar
from spins import random_couplings

from vfe_lightning.exact import enumeration
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.spins import PairwiseSpins, sherrington_kirkpatrick_couplings
from vfe_lightning.mean_field import inverse, naive
from vfe_lightning.mean_field.bethe import bethe, propagate
from vfe_lightning.mean_field.naive import naive_mean_field

SQUARE = lattices.couplings(lattices.bonds(6, lattices.SQUARE), 1.0, 36)


def exact(J, beta):
    return enumeration.thermodynamics(enumeration.energies(PairwiseSpins(J).energy, len(J)), beta)


@pytest.mark.parametrize("beta", [0.2, 0.3, 0.44, 1.0])
def test_naive_mean_field_of_a_lattice_is_the_best_uniform_one(beta):
    def f(m):
        p = (1 + m) / 2
        return -2 * m * m + (p * math.log(p) + (1 - p) * math.log(1 - p)) / beta

    found = min(
        f(0.0), minimize_scalar(f, bounds=(0.01, 1 - 1e-12), method="bounded", options={"xatol": 1e-12}).fun
    )
    solution = naive_mean_field(SQUARE, beta)
    assert solution.converged and solution.free_energy / 36 == pytest.approx(found, abs=1e-9)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("beta", [0.5, 1.5, 4.0])
def test_naive_mean_field_is_a_bound_and_stationary(seed, beta):
    J = random_couplings(9, seed, 0.4)
    solution = naive_mean_field(J, beta)
    assert solution.free_energy >= exact(J, beta).free_energy
    m = solution.magnetizations
    torch.testing.assert_close(m, torch.tanh(beta * J @ m), rtol=1e-6, atol=1e-6)
    assert naive.free_energy(J, beta, m[None]).item() == pytest.approx(solution.free_energy, abs=1e-12)


@pytest.mark.parametrize("beta", [0.3, 1.0, 3.0])
def test_bethe_is_exact_on_a_tree(beta):
    g = torch.Generator().manual_seed(5)
    bonds = torch.tensor([[int(torch.randint(i, (1,), generator=g)), i] for i in range(1, 10)])
    J = lattices.couplings(bonds, torch.randn(9, generator=g, dtype=torch.float64), 10)
    solution = bethe(J, beta)
    assert solution.converged
    assert solution.free_energy == pytest.approx(exact(J, beta).free_energy, abs=1e-9)


@pytest.mark.parametrize(
    ("beta", "f"), [(0.2, -3.664417), (0.3, -2.606096), (0.44, -2.100315), (0.6, -2.016673), (1.0, -2.000348)]
)
def test_bethe_of_the_square_lattice(beta, f):
    solution = bethe(SQUARE, beta)
    assert solution.converged and solution.free_energy / 36 == pytest.approx(f, abs=6e-7)


def test_bethe_says_when_it_did_not_converge():
    """Beyond its instability a spin glass has no fixed point that the messages find."""
    for seed in (1, 2, 3):
        J = sherrington_kirkpatrick_couplings(20, seed)
        assert bethe(J, 1.0).converged
        assert not bethe(J, 1.5).converged


def test_bethe_is_even_in_the_fields():
    J = random_couplings(8, 4, 0.4)
    start = torch.randn(int(J.count_nonzero()), generator=torch.Generator().manual_seed(0), dtype=J.dtype)
    up, down = propagate(J, 0.7, start), propagate(J, 0.7, -start)
    assert up.free_energy == pytest.approx(down.free_energy, abs=1e-12)
    torch.testing.assert_close(up.fields, -down.fields)


def test_closed_forms_of_the_inverse_problem():
    """Values computed once by an independent program for 20 spins of seed 1."""
    J = sherrington_kirkpatrick_couplings(20, 1)
    for beta, expected in ((0.3, (0.0029, 0.0614, 0.0002)), (1.0, (0.1028, 0.2417, 0.0519))):
        C = enumeration.correlations(PairwiseSpins(J).energy, 20, beta)
        methods = (inverse.naive_mean_field, inverse.independent_pair, inverse.sessak_monasson)
        found = [inverse.reconstruction_error(method(C, beta), J).item() for method in methods]
        assert found == pytest.approx(expected, abs=6e-5)


def test_a_single_pair_is_inverted_exactly():
    J = torch.tensor([[0, 0.7], [0.7, 0]], dtype=torch.float64)
    C = enumeration.correlations(PairwiseSpins(J).energy, 2, 1.3)
    torch.testing.assert_close(inverse.independent_pair(C, 1.3), J)
    torch.testing.assert_close(inverse.sessak_monasson(C, 1.3), J, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("beta", [0.3, 1.0, 3.0])
def test_fields(beta):
    """Bethe is exact on a tree, and naive mean field of spins without bonds."""
    g = torch.Generator().manual_seed(5)
    bonds = torch.tensor([[int(torch.randint(i, (1,), generator=g)), i] for i in range(1, 10)])
    J = lattices.couplings(bonds, torch.randn(9, generator=g, dtype=torch.float64), 10)
    h = torch.randn(10, generator=g, dtype=torch.float64)
    F = enumeration.thermodynamics(enumeration.energies(PairwiseSpins(J, h).energy, 10), beta).free_energy
    pairs, single = bethe(J, beta, h=h), naive_mean_field(J, beta, h=h)
    assert pairs.converged and pairs.free_energy == pytest.approx(F, abs=1e-9)
    m = single.magnetizations
    assert single.free_energy >= F
    torch.testing.assert_close(m, torch.tanh(beta * (J @ m + h)), rtol=1e-6, atol=1e-6)
    free = naive_mean_field(0 * J, beta, h=h).free_energy
    assert free == pytest.approx(-(2 * (beta * h).cosh()).log().sum().item() / beta, abs=1e-9)
