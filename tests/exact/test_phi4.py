"""Exact free energies of phi^4 theory against plain quadrature, each other, and published conventions."""

import math

import numpy as np
import pytest
import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.phi4 import FUNCTIONS, four_sites, free_field, nine_sites, small_torus
from vfe_lightning.exact.zero_mode import around_the_zero_mode
from vfe_lightning.hamiltonians.phi4 import PhiFour
from vfe_lightning.mean_field.gaussian import best_gaussian_field

decades = st.floats(-8, 8).map(lambda x: 10**x)


def agree(a, b, names=("free_energy", "energy")):
    for name in names:
        one, other = getattr(a, name), getattr(b, name)
        bound = getattr(a, f"{name}_error") + getattr(b, f"{name}_error")
        assert abs(one - other) <= bound + 1e-13, (name, one, other, bound)


@pytest.mark.parametrize(
    ("L", "m2", "lam", "log_z"),
    [
        (2, -4.0, 8.0, 0.914434),
        (2, -4.0, 6.975, 1.173185),
        (2, 1.0, 0.5, -0.5749904),
        (2, 0.03, 1e-6, 1.607164),
        (3, 0.1, 1e-6, 0.4231834),
        (3, -1.0, 0.1, 20.700724),
    ],
)
def test_known_values(L, m2, lam, log_z):
    assert -small_torus(L, m2, lam).free_energy == pytest.approx(log_z, abs=1e-6)


def test_two_by_two_sites_by_plain_quadrature():
    x, w = np.polynomial.legendre.leggauss(32)
    x, w = torch.from_numpy(2 * x), torch.from_numpy(2 * w)
    fields = torch.cartesian_prod(x, x, x, x).view(-1, 2, 2)
    weight = torch.cartesian_prod(w, w, w, w).prod(dim=1)
    action = PhiFour(-1.0, 3.0).energy(fields)
    z = (weight * (-action).exp()).sum()
    energy = (weight * action * (-action).exp()).sum() / z
    found = small_torus(2, -1.0, 3.0)
    assert -found.free_energy == pytest.approx(z.log().item(), abs=1e-6)
    assert found.energy == pytest.approx(energy.item(), abs=1e-5)
    assert found.free_energy == pytest.approx(found.energy - found.entropy)


@settings(max_examples=examples(25), deadline=None)
@given(L=st.integers(2, 6), m2=decades)
def test_a_free_field_is_a_determinant(L, m2):
    found = free_field(L, m2)
    one = torch.eye(L * L, dtype=torch.float64).view(-1, L, L)
    rows = PhiFour(m2, 0.0).gradient(one).view(L * L, -1) / 2
    log_z = 0.5 * (L * L * math.log(math.pi) - torch.linalg.slogdet(rows).logabsdet.item())
    assert -found.free_energy == pytest.approx(log_z, abs=1e-10 + 1e-15 / m2)
    assert found.energy == L * L / 2


either_sign = st.one_of(decades, decades.map(lambda x: -x))


@settings(max_examples=examples(40), deadline=None)
@given(m2=either_sign, lam=decades)
def test_four_sites_in_other_coordinates(m2, lam):
    """Sites a + u and a - u across one diagonal, b + v and b - v across the other: the bonds are
    8 (a - b)^2 + 8 u^2 + 8 v^2, so that u and v are integrated on their own."""
    square = max(0.0, -m2) / (2 * lam)

    def v(x):
        return lam * (x * x - square) ** 2 if m2 <= 0 else x * x * (m2 + lam * x * x)

    rise = math.sqrt(60 / lam) if m2 <= 0 else 120 / (m2 + math.sqrt(m2 * m2 + 240 * lam))
    last = math.sqrt(square + rise)
    count = math.ceil(last * math.sqrt(8 + 2 * m2 + 12 * lam * last**2) / 0.5)
    if count > 400:  # the plain rule of this test takes too many points
        return
    found = small_torus(2, m2, lam)
    h = last / count
    a = h * (np.arange(-count, count) + 0.5)
    pair = np.exp(-8 * a * a - v(a[:, None] + a) - v(a[:, None] - a)).sum(axis=1) * 2 * h
    z = h * h * (pair[:, None] * pair * np.exp(-8 * (a[:, None] - a) ** 2)).sum()
    log_z = math.log(z) + 4 * lam * square * square
    assert abs(log_z + found.free_energy) <= found.free_energy_error + 1e-11 + 4e-15 * abs(log_z)


@settings(max_examples=examples(25), deadline=None)
@given(m2=either_sign, lam=decades)
def test_energies_are_derivatives_of_the_free_energy(m2, lam):
    """<lam sum phi^4> = dF / d ln lam, by a central difference, and <S> from it by the virial."""
    h = 1e-4
    try:
        found = small_torus(2, m2, lam)
        around = [small_torus(2, m2, lam * math.exp(sign * h)) for sign in (1, -1)]
    except NotKnown:
        return
    slope = (around[0].free_energy - around[1].free_energy) / (2 * h)
    quartic = 2 - found.energy
    noise = sum(r.free_energy_error for r in around) / (2 * h)
    assert abs(slope - quartic) <= found.energy_error + noise + 1e-6 * (1 + abs(slope))


@settings(max_examples=examples(40), deadline=None)
@given(m2=st.one_of(st.floats(-2, 2), either_sign), lam=decades)
def test_the_zero_mode_against_four_sites(m2, lam):
    try:
        one, other = around_the_zero_mode(2, m2, lam), four_sites(m2, lam)
    except NotKnown:
        return
    agree(one, other)


@settings(max_examples=3, deadline=None)
@given(m2=st.floats(-2.9, 3), lam=st.floats(-4, 1).map(lambda x: 10**x))
def test_the_zero_mode_against_nine_sites(m2, lam):
    try:
        one, other = around_the_zero_mode(3, m2, lam), nine_sites(m2, lam, FUNCTIONS[0])
    except NotKnown:
        return
    agree(one, other)


@settings(max_examples=3, deadline=None)
@given(m2=either_sign, lam=decades)
def test_nine_sites_are_below_their_gaussian_bound(m2, lam):
    k = 2 - 2 * torch.cos(2 * math.pi * torch.arange(3, dtype=torch.float64) / 3)
    bound = best_gaussian_field(
        2 * (k[:, None] + k),
        lambda x: m2 * x.square() + lam * x.pow(4),
        lambda x: 2 * m2 + 12 * lam * x.square(),
    )
    try:
        found = small_torus(3, m2, lam)
    except NotKnown:
        return
    assert math.isfinite(found.free_energy) and math.isfinite(found.energy)
    assert found.free_energy <= bound.free_energy + found.free_energy_error + 1e-9 * abs(bound.free_energy)


@pytest.mark.parametrize(
    ("m2", "lam"),
    [
        (-4.0, 8.0),
        (0.01, 0.003),
        *(pytest.param(*x, marks=pytest.mark.slow) for x in [(-1.0, 0.1), (0.0, 0.03)]),
    ],
)
def test_more_functions_of_a_bond_stay_within_the_bound(m2, lam):
    coarse, fine = (nine_sites(m2, lam, functions) for functions in FUNCTIONS)
    agree(coarse, fine)
    assert fine.free_energy_error <= coarse.free_energy_error + 1e-11


def test_a_weak_coupling_meets_the_free_field():
    """To first order in lambda, F rises by lambda L^2 <phi^4>_0 = 3 lambda L^2 G(0)^2."""
    lam, m2 = 1e-5, 1.5
    k = 2 - 2 * torch.cos(math.pi * torch.arange(2.0))
    variance = (0.5 / (m2 + k[:, None] + k)).mean().item()
    free = free_field(2, m2)
    first = free.free_energy + 4 * lam * 3 * variance**2
    assert small_torus(2, m2, lam).free_energy == pytest.approx(first, abs=1e-7)
    assert free.energy == 2.0
