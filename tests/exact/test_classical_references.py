"""Classical particles and wells against published values and other ways to compute them."""

import itertools
import math

import numpy as np
import pytest
import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from vfe_lightning.exact import coulomb_gas, planar
from vfe_lightning.hamiltonians.planar_wells import DoubleWell, MuellerBrown

decades = st.floats(-6, 6).map(lambda x: 10**x)


def within(found, expected, error, slack=1e-9):
    assert abs(found - expected) <= error + slack * (1 + abs(expected)), (found, expected, error)


@pytest.mark.parametrize(
    ("parameters", "log_z", "difference"),
    [
        ((1.0, -3.0, 0.25), 12.0649290, 4.777274),
        ((1.0, -6.0, 1.0), 11.0204672, 3.3799011),
        ((0.0, -4.0, 1.0), 5.2119403, 0.0),
        ((100.0, -0.1, 0.01), 1036.7795228, 1040.4657345),
    ],
)
def test_double_wells(parameters, log_z, difference):
    found = planar.double_well(DoubleWell(*parameters), 1.0)
    assert -found.reference.free_energy == pytest.approx(log_z, abs=1e-6)
    assert found.difference == pytest.approx(difference, abs=1e-5)


@settings(max_examples=examples(60), deadline=None)
@given(a=st.one_of(st.just(0.0), decades, decades.map(lambda x: -x)), b=decades, c=decades, beta=decades)
def test_double_wells_by_a_plain_sum(a, b, c, beta):
    """Equal steps over all that is within 45 T of the lowest energy, where that takes few enough of them."""
    well = DoubleWell(a, -b, c)
    minima = torch.tensor(well.minima(), dtype=torch.float64)
    lowest = well.along(minima).min()
    reach = (45 / (beta * c)) ** 0.25 + (90 / (beta * c)) ** 0.25
    x = torch.linspace(minima[0].item() - reach, minima[-1].item() + reach, 100_001, dtype=torch.float64)
    height = beta * (well.along(x) - lowest)
    inside = height < 45
    noise = 1e-13 * beta * (a * x).abs()[inside].max().item() if inside.any() else math.inf
    noise += 1e-13 * beta * (b * x**2 + c * x**4)[inside].max().item() if inside.any() else 0.0
    if inside.sum() < 1000 or noise > 1e-3:
        return
    found = planar.double_well(well, beta).reference
    density = (-height).exp()
    step = (x[1] - x[0]).item()
    log_z = math.log(density.sum().item() * step) + 0.5 * math.log(2 * math.pi / beta)
    rise = ((density * height).sum() / density.sum()).item() + 0.5
    within(-beta * (found.free_energy - lowest.item()), log_z, beta * found.free_energy_error + noise)
    within(beta * (found.energy - lowest.item()), rise, beta * found.energy_error + noise)
    within(found.entropy, log_z + rise, found.entropy_error + noise)


def test_mueller_brown():
    found = planar.mueller_brown(MuellerBrown(), 1.0)
    assert -found.reference.free_energy == pytest.approx(-3.3895605417, abs=1e-8)
    assert found.difference == pytest.approx(5.69014, abs=1e-5)
    assert found.reference.energy == pytest.approx(1.0599229, abs=1e-6)


@settings(max_examples=examples(5), deadline=None)
@given(beta=st.floats(-6, 0).map(lambda x: 10**x))
def test_mueller_brown_by_a_plain_sum(beta):
    potential, n = MuellerBrown(), 700
    found = planar.mueller_brown(potential, beta).reference
    x = torch.linspace(-9, 7, n, dtype=torch.float64)
    y = torch.linspace(-7, 9, n, dtype=torch.float64)
    u = beta * potential.energy(torch.cartesian_prod(x, y))
    log_z = (-u).logsumexp(0).item() + 2 * math.log(16 / (n - 1))
    weights = (-u).softmax(0)
    within(-beta * found.free_energy, log_z, beta * found.free_energy_error, 1e-7)
    within(
        beta * found.energy,
        (weights * u.where(weights > 0, 0.0)).sum().item(),
        beta * found.energy_error,
        1e-6,
    )


def test_dimer_without_solvent():
    found = planar.gas_dimer(1.0)
    assert -found.reference.free_energy == pytest.approx(11.6368991, abs=1e-5)
    assert found.difference == pytest.approx(-1.0773887, abs=1e-4)


@settings(max_examples=examples(30), deadline=None)
@given(beta=decades)
def test_energies_of_wells_and_dimers_are_derivatives(beta):
    """d(beta F)/d beta = E by a central difference of the fourth order."""
    for solve in (lambda b: planar.double_well(DoubleWell(), b), planar.gas_dimer):
        h = 1e-3
        found = solve(beta).reference
        logs = [solve(beta * math.exp(k * h)).reference for k in (-2, -1, 1, 2)]
        base = found.energy
        F = [b.free_energy - base for b in logs]
        weighted = [f * beta * math.exp(k * h) for f, k in zip(F, (-2, -1, 1, 2), strict=True)]
        slope = (weighted[0] - 8 * weighted[1] + 8 * weighted[2] - weighted[3]) / (12 * h)
        noise = sum(b.free_energy_error for b in logs) * beta * 2 / h
        within(slope, 0.0, noise + beta * found.energy_error, 1e-7)


@pytest.mark.parametrize(
    ("dim", "beta", "free_energy", "energy"),
    [
        (2, 1.0, -1.3730284766, 3.1692849085),
        (2, 10.0, 1.5767893599, 1.6526044701),
        (3, 1.0, -2.7282277823, None),
        (3, 10.0, 1.5937341533, 1.7085474955),
        (2, 2e4, 1.5006098063, None),
        (2, 3e4, 1.5004268109, None),
    ],
)
def test_two_charges_in_a_trap(dim, beta, free_energy, energy):
    found = coulomb_gas.two_charges(dim, 2.0, beta)
    assert found.free_energy == pytest.approx(free_energy, abs=1e-9)
    assert energy is None or found.energy == pytest.approx(energy, abs=1e-9)


@settings(max_examples=examples(60), deadline=None)
@given(dim=st.sampled_from([2, 3]), stiffness=decades, beta=decades)
def test_two_charges_by_quadrature_over_their_distance(dim, stiffness, beta):
    def action(r):
        return beta * (stiffness / 4 * r * r + 1 / r) - (dim - 1) * math.log(r)

    found = coulomb_gas.two_charges(dim, stiffness, beta)
    peak = minimize_scalar(
        lambda t: action(math.exp(t)), bounds=(-30, 30), method="bounded", options={"xatol": 1e-10}
    )
    middle, least = math.exp(peak.x), peak.fun
    width = 1 / math.sqrt(beta * (stiffness / 2 + 2 / middle**3) + (dim - 1) / middle**2)
    edges = [
        max(1e-9 * middle, middle - 12 * width),
        middle - 4 * width,
        middle,
        middle + 4 * width,
        middle + 12 * width,
    ]
    edges = sorted({max(e, 1e-9 * middle) for e in edges})
    z = sum(
        quad(lambda r: math.exp(min(least - action(r), 50.0)), a, b, epsabs=0, epsrel=1e-9, limit=200)[0]
        for a, b in itertools.pairwise(edges)
    )
    sphere = {2: math.log(2 * math.pi), 3: math.log(4 * math.pi)}[dim]
    log_z = sphere + dim / 2 * math.log(math.pi / (beta * stiffness)) + math.log(z) - least
    noise = 1e-14 * (abs(least) + beta * (stiffness / 4 * middle**2 + 1 / middle))
    within(-beta * found.free_energy, log_z, beta * found.free_energy_error + noise, 1e-8)
    assert found.entropy == pytest.approx(beta * (found.energy - found.free_energy), abs=1e-9 + 10 * noise)


def test_two_charges_in_the_cold_are_an_oscillator():
    """Around r_0 the distance has the stiffness 3 k / 2, and its direction is free: F to first order in T."""
    for dim, beta in ((2, 1e12), (3, 1e14)):
        found, r = coulomb_gas.two_charges(dim, 2.0, beta), 1.0
        sphere = math.log(2 * math.pi if dim == 2 else 4 * math.pi)
        log_z = sphere + (dim - 1) * math.log(r) + dim / 2 * math.log(math.pi / (beta * 2))
        log_z += 0.5 * math.log(2 * math.pi / (3 * beta))
        assert found.entropy - 0.5 * (dim + 1) == pytest.approx(log_z, abs=1e-8)


@pytest.mark.parametrize(("n", "log_z"), [(2, 2.98260695), (6, 23.89808275), (20, 382.34036364)])
def test_ginibre(n, log_z):
    assert -coulomb_gas.ginibre(n).free_energy == pytest.approx(log_z, abs=1e-8)


@pytest.mark.parametrize(
    ("n", "coupling", "log_z"),
    [(6, 1, 10.0881055), (6, 2, 22.5433346), (6, 4, 57.5014303), (10, 2, 73.2550931)],
)
def test_mehta(n, coupling, log_z):
    assert -coulomb_gas.mehta(n, coupling).free_energy == pytest.approx(log_z, abs=1e-7)


@settings(max_examples=examples(60), deadline=None)
@given(coupling=decades)
def test_two_particles_of_the_log_gas_in_other_ways(coupling):
    """On a line r^2 / 4 has a Gamma density, in the plane r^2 / 2; energies are derivatives of logarithms."""
    plane, line = coulomb_gas.log_gas_pair(coupling), coulomb_gas.mehta(2, coupling)
    exact = math.log(math.pi) * 0.5 + math.log(2) + coupling * math.log(2) + math.lgamma((1 + coupling) / 2)
    within(-line.free_energy, exact, line.free_energy_error, 1e-13)
    for found, at in ((plane, coulomb_gas.log_gas_pair), (line, lambda g: coulomb_gas.mehta(2, g))):
        h = 1e-4
        up, down = (-at(coupling * math.exp(s * h)).free_energy for s in (1, -1))
        trap = coulomb_gas.mean_square_radius(2, 2 if found is plane else 1, coupling) / (
            1 if found is plane else 2
        )
        noise = 1e-15 * (abs(up) + 1) / h
        within(found.energy, trap - (up - down) / (2 * h), found.energy_error + noise, 1e-7)


def test_the_plane_and_the_line_meet_what_is_known_of_more_particles():
    assert coulomb_gas.ginibre(2).free_energy == pytest.approx(coulomb_gas.log_gas_pair(2.0).free_energy)
    assert coulomb_gas.ginibre(2).energy == pytest.approx(coulomb_gas.log_gas_pair(2.0).energy)
    assert -coulomb_gas.log_gas_pair(100.0).free_energy == pytest.approx(185.4246, abs=1e-4)


@pytest.mark.parametrize("n", [2, 3, 6])
def test_the_energy_of_ginibre_by_its_density_of_pairs(n):
    """rho_2 = rho rho - |K|^2 over both radii; the angle leaves logarithms and powers of their ratio."""
    x, w = np.polynomial.legendre.leggauss(400)
    r, w = 4 * (x + 1), 4 * w
    k = np.arange(n)
    orbitals = np.exp(2 * k[:, None] * np.log(r) - r * r - gammaln(k + 1)[:, None]) * 2 * r * w
    larger, ratio = np.maximum(r[:, None], r), np.minimum(r[:, None], r) / np.maximum(r[:, None], r)
    pairs = 0.0
    for i in range(n):
        for j in range(n):
            cross = np.sqrt(orbitals[i] * orbitals[j])
            angle = np.log(larger) if i == j else -(ratio ** abs(i - j)) / (2 * abs(i - j))
            pairs += orbitals[i] @ np.log(larger) @ orbitals[j] - cross @ angle @ cross
    energy = coulomb_gas.mean_square_radius(n, 2, 2.0) - pairs
    assert coulomb_gas.ginibre(n).energy == pytest.approx(energy, abs=1e-3)


@settings(max_examples=examples(40), deadline=None)
@given(n=st.integers(2, 12), coupling=decades)
def test_mehta_in_exact_steps(n, coupling):
    """Whole couplings by factorials; E is the derivative that a difference of ln Z comes near to."""
    whole = 2 * round(min(coupling, 50)) + 2
    half = whole // 2
    log_z = n / 2 * math.log(2 * math.pi)
    log_z += sum(math.log(math.factorial(j * half)) - math.log(math.factorial(half)) for j in range(1, n + 1))
    found = coulomb_gas.mehta(n, float(whole))
    within(-found.free_energy, log_z, found.free_energy_error, 1e-13)
    h, found = 1e-4, coulomb_gas.mehta(n, coupling)
    up, down = (-coulomb_gas.mehta(n, coupling * math.exp(s * h)).free_energy for s in (1, -1))
    noise = 1e-14 * (abs(up) + n) / h
    trap = coulomb_gas.mean_square_radius(n, 1, coupling) / 2
    within(found.energy, trap - (up - down) / (2 * h), found.energy_error + noise, 1e-6)


def test_square_radius_of_the_log_gas():
    assert coulomb_gas.mean_square_radius(6, 2, 2.0) == 21  # Ginibre: n (n + 1) / 2
    line = coulomb_gas.mean_square_radius(6, 1, 2.0)
    assert line == 36  # <sum x^2> = n^2 of the Gaussian unitary ensemble
    assert torch.isfinite(torch.tensor(line))
