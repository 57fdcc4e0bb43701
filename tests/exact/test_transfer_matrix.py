"""Transfer matrices of spins and colours against sums over all configurations, at any temperature."""

import math

import mpmath
import pytest
import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact import enumeration, ising_torus
from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.exact.elimination import Bond, eliminated
from vfe_lightning.exact.transfer_matrix import ising, open_lattice, potts
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.potts import Potts
from vfe_lightning.hamiltonians.spins import PairwiseSpins, edwards_anderson_bonds
from vfe_lightning.result import Reference

NAMES = ("free_energy", "energy", "entropy", "heat_capacity")
decades = st.floats(-6, 6).map(lambda x: 10**x)


def agree_within_bounds(found: Reference, exact: Reference) -> None:
    for name in NAMES:
        one, other = getattr(found, name), getattr(exact, name)
        bound = getattr(found, f"{name}_error") + getattr(exact, f"{name}_error")
        assert math.isfinite(one) and abs(one - other) <= bound, (name, one, other, bound)


def spin_glass(L: int, gaussian: bool, periodic: bool, seed: int, h: float, J: float = 1.0) -> PairwiseSpins:
    bonds = lattices.bonds(L, lattices.SQUARE, periodic)
    values = edwards_anderson_bonds(len(bonds), J, gaussian, seed)
    field = torch.full((L * L,), h, dtype=torch.float64)
    return PairwiseSpins(lattices.couplings(bonds, values, L * L), field)


@settings(max_examples=examples(60), deadline=None)
@given(
    L=st.sampled_from([2, 3, 4]),
    gaussian=st.booleans(),
    periodic=st.booleans(),
    seed=st.integers(0, 100),
    h=st.sampled_from([0.0, 0.3, -20.0]),
    beta=decades,
)
def test_spin_glasses_are_sums_over_all_configurations(L, gaussian, periodic, seed, h, beta):
    H = spin_glass(L, gaussian, periodic, seed, h)
    rounding = L * L * EPSILON * (H.J.abs().sum() + H.h.abs().sum()).item()
    exact = enumeration.thermodynamics(enumeration.energies(H.energy, L * L), beta, rounding=rounding)
    agree_within_bounds(ising(H.J, H.h, beta), exact)


@settings(max_examples=examples(60), deadline=None)
@given(
    size=st.sampled_from([(2, 2), (2, 3), (2, 7), (3, 2), (3, 3)]),
    periodic=st.booleans(),
    J=decades,
    sign=st.sampled_from([1, -1]),
    beta=decades,
)
def test_colours_are_sums_over_all_configurations(size, periodic, J, sign, beta):
    (L, q), J = size, sign * J
    bonds = lattices.bonds(L, lattices.SQUARE, periodic)
    x = torch.cartesian_prod(*[torch.arange(q).double()] * (L * L))
    exact = enumeration.thermodynamics(Potts(bonds, J).energy(x), beta)
    agree_within_bounds(potts(bonds, L * L, q, J, beta), exact)


@settings(max_examples=examples(20), deadline=None)
@given(L=st.integers(2, 6), J=decades, beta=decades)
def test_two_colours_are_spins_of_half_the_coupling(L, J, beta):
    """H = -J/2 sum s s' - J/2 for each bond."""
    bonds = lattices.bonds(L, lattices.SQUARE)
    found, exact = potts(bonds, L * L, 2, J, beta), ising_torus.square(L, beta, J / 2)
    shift = J / 2 * len(bonds)
    for name in NAMES:
        moved = shift if name in ("free_energy", "energy") else 0.0
        bound = getattr(found, f"{name}_error") + getattr(exact, f"{name}_error") + 2 * EPSILON * moved
        assert abs(getattr(found, name) + moved - getattr(exact, name)) <= bound, name


@pytest.mark.parametrize("beta", [1e-3, 0.8, 40.0])
@pytest.mark.parametrize("q", [3, 5])
def test_a_ring_of_colours_in_fifty_digits(q, beta):
    """Z = (e^K + q - 1)^n + (q - 1) (e^K - 1)^n, and its derivatives."""
    n, J = 6, 1.3
    ring = torch.tensor([[i, (i + 1) % n] for i in range(n)])
    with mpmath.workdps(50):

        def log_z(b):
            weight = mpmath.exp(b * J)
            return mpmath.log((weight + q - 1) ** n + (q - 1) * (weight - 1) ** n)

        b = mpmath.mpf(beta)
        energy = -mpmath.diff(log_z, b)
        exact = -log_z(b) / b, energy, log_z(b) + b * energy, b**2 * mpmath.diff(log_z, b, 2)
    found = potts(ring, n, q, J, beta)
    for name, value in zip(NAMES, exact, strict=True):
        assert abs(getattr(found, name) - value) <= getattr(found, f"{name}_error"), name


def test_energies_and_heat_capacities_are_slopes():
    """Of a lattice that is too large to enumerate."""
    H = spin_glass(7, True, True, 3, 0.2)
    step = 1e-4
    low, middle, high = (ising(H.J, H.h, beta) for beta in (0.9 - step, 0.9, 0.9 + step))
    log_z = [-beta * r.free_energy for beta, r in ((0.9 - step, low), (0.9, middle), (0.9 + step, high))]
    assert middle.energy == pytest.approx(-(log_z[2] - log_z[0]) / (2 * step), rel=1e-6)
    assert middle.heat_capacity == pytest.approx(
        -(0.9**2) * (high.energy - low.energy) / (2 * step), rel=1e-6
    )


def test_the_largest_lattices():
    H = spin_glass(10, False, False, 1, 0.0)
    assert ising(H.J, H.h, 50.0).entropy > 0  # ground states are many
    uniform = lattices.couplings(lattices.bonds(9, lattices.SQUARE), 1.0, 81)
    none = torch.zeros(81, dtype=torch.float64)
    assert ising(uniform, none, 0.44).free_energy == pytest.approx(ising_torus.square(9, 0.44).free_energy)
    with pytest.raises(NotKnown, match="states"):
        ising(lattices.couplings(lattices.bonds(12, lattices.SQUARE), 1.0, 144), torch.zeros(144), 0.4)


def test_the_first_spin_is_one_of_two_images_only_without_fields():
    H = spin_glass(3, True, True, 0, 0.0)
    tiny = torch.zeros(9, dtype=torch.float64)
    tiny[4] = 1e-300
    agree_within_bounds(ising(H.J, H.h, 1.3), ising(H.J, tiny, 1.3))


def test_any_graph_and_any_number_of_values():
    """Three variables of two, three and four values, with gains of their own."""
    generator = torch.Generator().manual_seed(0)
    gains = [torch.randn(n, generator=generator, dtype=torch.float64) for n in (2, 3, 4)]
    tables = [
        torch.randn(n, m, generator=generator, dtype=torch.float64)
        for n, m in ((2, 3), (2, 4), (3, 4), (3, 4))
    ]
    bonds = [Bond(i, j, t) for (i, j), t in zip(((0, 1), (0, 2), (1, 2), (1, 2)), tables, strict=True)]
    total = (
        gains[0][:, None, None] + gains[1][:, None] + gains[2]
        + tables[0][:, :, None] + tables[1][:, None] + tables[2] + tables[3]
    )  # fmt: skip
    agree_within_bounds(eliminated(gains, bonds, 0.7), enumeration.thermodynamics(-total.flatten(), 0.7))


def test_open_lattices_have_a_bulk():
    """F is linear in the area, the perimeter and the corners, up to what decays with a correlation length."""
    F = {L: open_lattice(L, 0.3).free_energy for L in (10, 12, 14)}
    bulk = ising_torus.square(32, 0.3).free_energy / 32**2
    assert (F[14] - 2 * F[12] + F[10]) / 8 == pytest.approx(bulk, rel=1e-5)
