"""Closed forms of Ising models against the sum over all configurations, and against high precision."""

import math

import mpmath
import numpy as np
import pytest
import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact import enumeration, ising_torus
from vfe_lightning.exact.hopfield import hopfield
from vfe_lightning.exact.transfer_matrix import open_lattice
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.spins import (
    PairwiseSpins,
    balanced_patterns,
    hopfield_couplings,
    sherrington_kirkpatrick_couplings,
)

STEPS = {"square": lattices.SQUARE, "triangular": lattices.TRIANGULAR}
TORUS = {"square": ising_torus.square, "triangular": ising_torus.triangular}


def enumerated(L, lattice, periodic, J, beta):
    bonds = lattices.bonds(L, STEPS[lattice], periodic)
    hamiltonian = PairwiseSpins(lattices.couplings(bonds, J, L * L))
    return enumeration.thermodynamics(enumeration.energies(hamiltonian.energy, L * L), beta)


def agree(a, b, tolerance=1e-9):
    for name in ("free_energy", "energy", "entropy", "heat_capacity"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), abs=tolerance), name


@pytest.mark.parametrize("lattice", STEPS)
@pytest.mark.parametrize(
    ("L", "J", "beta"), [(2, 1, 0.7), (3, 1, 0.3), (3, 0.5, 2.0), (4, 1, 0.44), (4, -1, 0.7), (2, -1, 3.0)]
)
def test_torus_is_the_sum_over_all_configurations(lattice, L, J, beta):
    agree(TORUS[lattice](L, beta, J), enumerated(L, lattice, True, J, beta))


@pytest.mark.parametrize("lattice", STEPS)
@pytest.mark.parametrize(("L", "J", "beta"), [(2, 1, 0.7), (3, -1, 1.0), (4, 1, 0.44), (4, -1, 2.0)])
def test_open_lattice_is_the_sum_over_all_configurations(lattice, L, J, beta):
    agree(open_lattice(L, beta, J, lattice == "triangular"), enumerated(L, lattice, False, J, beta))


@pytest.mark.parametrize(
    ("lattice", "L", "beta", "J", "f", "e", "s"),
    [
        ("square", 16, 0.44, 1, -2.1163640554, -1.4477435, 0.2941931),
        ("square", 16, 0.44068679351, 1, -2.1153261879, -1.4530649, 0.2918498),
        ("square", 16, 1.0, 1, -2.0030558899, -1.9971602, 0.0058957),
        ("triangular", 8, 1.0, -1, -1.3446787766950, -0.9280815, 0.4165972),
        ("triangular", 16, 5.0, -1, None, None, 0.3202880),
        ("triangular", 6, 5.0, -1, None, None, 0.3467317),
    ],
)
def test_published_and_computed_values_per_site(lattice, L, beta, J, f, e, s):
    found, n = TORUS[lattice](L, beta, J), L * L
    for value, expected, digits in (
        (found.free_energy, f, 5e-10), (found.energy, e, 5e-8), (found.entropy, s, 5e-8)
    ):  # fmt: skip
        assert expected is None or value / n == pytest.approx(expected, abs=digits)


def test_heat_capacity_is_the_slope_of_the_energy():
    h = 1e-5
    for lattice, J in (("square", 1.0), ("triangular", -1.0)):
        up, down = (TORUS[lattice](8, 0.6 + sign * h, J).energy for sign in (1, -1))
        slope = -(0.6**2) * (up - down) / (2 * h)
        assert TORUS[lattice](8, 0.6, J).heat_capacity == pytest.approx(slope, rel=1e-6)


def test_free_energy_is_smooth_through_the_critical_point():
    """One of the four sectors changes sign there."""
    critical = math.log(1 + math.sqrt(2)) / 2
    energies = [ising_torus.square(6, critical + d).energy for d in (-1e-9, 0.0, 1e-9)]
    assert all(math.isfinite(e) for e in energies)
    assert energies[1] == pytest.approx((energies[0] + energies[2]) / 2, abs=1e-6)


@pytest.mark.parametrize(("L", "beta"), [(6, 3.0), (8, 5.0), (6, 8.0)])
def test_cold_frustrated_lattice_against_sixty_digits(L, beta):
    """The textbook form of the formula, which cancels in double precision."""
    mpmath.mp.dps = 60
    c, s, t = (f(-a * mpmath.mpf(beta)) for f, a in ((mpmath.cosh, 2), (mpmath.sinh, 2), (mpmath.tanh, 1)))
    half, total = mpmath.mpf(1) / 2, mpmath.mpf(0)
    mass = 1 - 3 * t - 3 * t**2 + t**3
    for a, b, sign in ((half, half, 1), (half, 0, 1), (0, half, 1), (0, 0, -mpmath.sign(mass))):
        product = mpmath.mpf(1)
        for n in range(L):
            for m in range(L):
                p, q = 2 * mpmath.pi * (n + a) / L, 2 * mpmath.pi * (m + b) / L
                product *= c**3 + s**3 - s * (mpmath.cos(p) + mpmath.cos(q) + mpmath.cos(p + q))
        total += sign * mpmath.sqrt(abs(product))
    log_z = L * L * mpmath.log(2) + mpmath.log(total / 2)
    assert ising_torus.triangular(L, beta, -1.0).free_energy == pytest.approx(float(-log_z / beta), rel=1e-12)


def test_what_has_no_closed_form_is_refused():
    for call, word in (
        (lambda: ising_torus.square(5, 1.0, -1.0), "odd"),
        (lambda: ising_torus.triangular(5, 1.0, -1.0), "odd"),
        (lambda: ising_torus.log_partition(4, 4, tuple(map(torch.tensor, (-0.3, 0.2, -0.6)))), "negative"),
        (lambda: open_lattice(40, 1.0), "wide"),
        (lambda: next(enumeration.configurations(30)), "enumerated"),
    ):
        with pytest.raises(ValueError, match=word):
            call()


@pytest.mark.parametrize(("n", "count"), [(12, 2), (12, 1), (13, 3), (8, 3)])
def test_hopfield_counts_what_enumeration_sums(n, count):
    patterns = balanced_patterns(n, count, seed=3)
    hamiltonian = PairwiseSpins(hopfield_couplings(patterns))
    found = hopfield(patterns, 1.3)
    agree(found, enumeration.thermodynamics(enumeration.energies(hamiltonian.energy, n), 1.3))


@pytest.mark.parametrize(
    ("beta", "f"), [(0.3, -2.3123195143), (0.5, -1.3899670472), (1.0, -0.7093002781), (1.5, -0.5418819177)]
)
def test_hopfield_of_a_hundred_spins(beta, f):
    found = hopfield(balanced_patterns(100, 2, seed=0), beta)
    assert found.free_energy / 100 == pytest.approx(f, abs=5e-10)


def test_hopfield_with_too_many_classes_is_not_known():
    with pytest.raises(NotKnown, match="too many"):
        hopfield(balanced_patterns(100, 6, seed=0), 1.0)


@pytest.mark.parametrize(("beta", "f"), [(0.5, -1.49396093), (1.0, -0.90534189), (5.0, -0.68201852)])
def test_spin_glass_of_twenty_spins(beta, f):
    hamiltonian = PairwiseSpins(sherrington_kirkpatrick_couplings(20, seed=1))
    found = enumeration.thermodynamics(enumeration.energies(hamiltonian.energy, 20), beta)
    assert found.free_energy / 20 == pytest.approx(f, abs=5e-9)


def test_correlations_are_derivatives_of_the_free_energy():
    J, beta, h = sherrington_kirkpatrick_couplings(6, seed=2), 0.8, 1e-5

    def free_energy(shift: float) -> float:
        moved = J.clone()
        moved[1, 4] += shift
        moved[4, 1] += shift
        levels = enumeration.energies(PairwiseSpins(moved).energy, 6)
        return enumeration.thermodynamics(levels, beta).free_energy

    C = enumeration.correlations(PairwiseSpins(J).energy, 6, beta)
    assert C[1, 4].item() == pytest.approx(-(free_energy(h) - free_energy(-h)) / (2 * h), abs=1e-8)
    torch.testing.assert_close(C.diagonal(), torch.ones(6, dtype=torch.float64))


decades = st.floats(-6, 6).map(lambda x: 10**x)
NAMES = ("free_energy", "energy", "entropy", "heat_capacity")


def agree_within_bounds(found, exact):
    for name in NAMES:
        one, other = getattr(found, name), getattr(exact, name)
        bound = getattr(found, f"{name}_error") + getattr(exact, f"{name}_error")
        assert math.isfinite(one) and abs(one - other) <= bound + 1e-15 * abs(other), (
            name,
            one,
            other,
            bound,
        )


@settings(max_examples=examples(60), deadline=None)
@given(
    lattice=st.sampled_from(["square", "triangular"]),
    L=st.sampled_from([2, 3, 4]),
    size=decades,
    sign=st.sampled_from([1, -1]),
    beta=decades,
    periodic=st.booleans(),
)
def test_lattices_within_their_bounds_at_any_temperature(lattice, L, size, sign, beta, periodic):
    J = size * sign
    if periodic and J < 0 and L % 2:
        return
    exact = enumerated(L, lattice, periodic, J, beta)
    found = TORUS[lattice](L, beta, J) if periodic else open_lattice(L, beta, J, lattice == "triangular")
    agree_within_bounds(found, exact)


@settings(max_examples=examples(25), deadline=None)
@given(beta=decades, seed=st.integers(0, 100), n=st.integers(2, 8))
def test_enumeration_in_long_double(beta, seed, n):
    """Other energies, bond by bond, and other sums, with 64 bits of mantissa."""
    J = sherrington_kirkpatrick_couplings(n, seed)
    found = enumeration.thermodynamics(
        enumeration.energies(PairwiseSpins(J).energy, n), beta, rounding=n * 2.3e-16 * J.abs().sum().item()
    )
    s = np.stack([2.0 * (np.arange(2**n) >> i & 1) - 1 for i in range(n)], axis=1).astype(np.longdouble)
    j = J.numpy().astype(np.longdouble)
    levels = -sum(j[a, b] * s[:, a] * s[:, b] for a in range(n) for b in range(a))
    height = np.longdouble(beta) * (levels - levels.min())
    weight = np.exp(-height)
    z = weight.sum()
    mean = (weight * height).sum() / z
    values = {
        "free_energy": levels.min() - np.log(z) / beta,
        "energy": levels.min() + mean / beta,
        "entropy": np.log(z) + mean,
        "heat_capacity": (weight * (height - mean) ** 2).sum() / z,
    }
    for name, value in values.items():
        assert abs(getattr(found, name) - value) <= getattr(found, f"{name}_error") + 1e-16 * abs(value), name


@settings(max_examples=examples(25), deadline=None)
@given(beta=decades, seed=st.integers(0, 100), n=st.integers(2, 10), count=st.integers(1, 3))
def test_hopfield_within_its_bounds_at_any_temperature(beta, seed, n, count):
    patterns = balanced_patterns(n, count, seed)
    levels = (
        -(torch.cat(list(enumeration.configurations(n))) @ patterns.mT).square().sum(1) / (2 * n) + count / 2
    )
    agree_within_bounds(hopfield(patterns, beta), enumeration.thermodynamics(levels, beta))


def test_cold_lattices_have_the_entropy_of_their_ground_states():
    assert TORUS["square"](4, 1000.0).free_energy / 16 == pytest.approx(-2.0000433217, abs=1e-9)
    for L in (6, 8):
        frozen = [TORUS["triangular"](L, beta, -1.0).entropy for beta in (30.0, 1e3, 1e6)]
        assert frozen == pytest.approx([frozen[0]] * 3, abs=1e-9)
    counted = enumerated(4, "triangular", True, -1.0, 100.0).entropy
    assert TORUS["triangular"](4, 1e6, -1.0).entropy == pytest.approx(counted, abs=1e-9)
