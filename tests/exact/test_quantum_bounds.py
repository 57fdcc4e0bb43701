"""Exact values against a second method over decades of their parameters, within the bounds they claim."""

import itertools
import math
from functools import partial

import numpy as np
import pytest
import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import errors
from scipy.linalg import eigvalsh_tridiagonal

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.basis_size import (
    ENOUGH,
    complete_gas,
    mixed_plane_wave_loss,
    plane_wave_cutoff,
    plane_wave_loss,
)
from vfe_lightning.exact.cycle_expansion import box_orbit, free_fermions, oscillator_orbit
from vfe_lightning.exact.diagonalization import diagonalize
from vfe_lightning.exact.hartree_fock import hartree_fock
from vfe_lightning.exact.ideal_gas import ideal_gas, pair_occupations
from vfe_lightning.exact.oscillator_gas import oscillator_gas
from vfe_lightning.exact.quantum_spins import lowest_states, thermal_lanczos, thermal_state
from vfe_lightning.exact.single_electron import single_electron
from vfe_lightning.exact.trap_basis_size import oscillator_loss, oscillator_shells
from vfe_lightning.exact.trap_first_order import thermal_free_energy
from vfe_lightning.exact.two_electron_dot import ground_state, relative_levels, two_electron_dot
from vfe_lightning.hamiltonians.lattices import SQUARE_LINKS, cell_bonds
from vfe_lightning.hamiltonians.pauli import PauliSum, heisenberg, transverse_ising
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves
from vfe_lightning.result import Reference
from vfe_lightning.wavefunctions.configuration_interaction import ConfigurationInteraction

VECTORS = 32  # of random traces


def few(max_examples: int) -> settings:
    return settings(deadline=None, derandomize=True, max_examples=examples(max_examples))


def decades(low: float, high: float) -> st.SearchStrategy[float]:
    """Log-uniform."""
    return st.floats(math.log(low), math.log(high)).map(math.exp)


def agree(found: Reference, other: Reference) -> None:
    for name in ("free_energy", "energy", "entropy"):
        a, b = getattr(found, name), getattr(other, name)
        if name == "entropy" and None in (a, b):  # not exact enough to be given
            continue
        bound = getattr(found, f"{name}_error") + getattr(other, f"{name}_error")
        assert abs(a - b) <= bound + 1e-13 * abs(a), (name, a, b, bound)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=7), decades(1e-3, 1e8), st.data())
@few(60)
def test_pair_occupations_by_enumeration(energies: list[float], beta: float, data) -> None:
    n = data.draw(st.integers(1, len(energies)))
    w = -beta * torch.tensor(energies, dtype=torch.float64)
    sets = list(itertools.combinations(range(len(w)), n))
    p = torch.stack([w[list(s)].sum() for s in sets]).softmax(0)
    occupied = torch.tensor([[float(k in s) for k in range(len(w))] for s in sets], dtype=torch.float64)
    expected = torch.einsum("s,sa,sb->ab", p, occupied, occupied)
    torch.testing.assert_close(pair_occupations(w, n), expected, rtol=0, atol=1e-12 + 1e-15 * beta)


@given(st.integers(1, 6), st.integers(0, 4), decades(1e-4, 1e5))
@few(40)
def test_free_electrons_in_a_trap_by_orbitals_and_by_cycles(n_up: int, n_down: int, beta: float) -> None:
    found = oscillator_gas(n_up, n_down, beta)
    try:
        spins = [free_fermions(n, partial(oscillator_orbit, beta)) for n in (n_up, n_down) if n]
    except ArithmeticError:
        assert beta > 100
        return
    log_z, energy = (sum(s[k] for s in spins) for k in (0, 1))
    agree(found, Reference.thermal(log_z, energy, beta, 1e-14 * abs(log_z), 1e-14 * energy))


@given(st.integers(1, 7), st.sampled_from([2, 3]), decades(1e-3, 1e3), st.floats(-0.5, 0.5))
@few(40)
def test_free_electrons_in_a_box_by_orbitals_and_by_cycles(
    n: int, dim: int, theta: float, twist: float
) -> None:
    b = (2 * math.pi / box_length(n, dim)) ** 2 / (theta * fermi_energy(dim))
    found = complete_gas(n, (twist,) * dim, b)
    assert found == pytest.approx(
        free_fermions(n, partial(box_orbit, b, (twist,) * dim)), rel=1e-11, abs=1e-10
    )


@given(
    st.integers(1, 20), st.sampled_from([2, 3]), decades(1e-3, 1.0), st.sampled_from([0.0, 0.1, 0.25, 0.5])
)
@few(20)
def test_the_chosen_cutoff_is_the_smallest_that_is_enough(
    n: int, dim: int, theta: float, twist: float
) -> None:
    cutoff = plane_wave_cutoff(n, dim, theta, twist)
    lost = plane_wave_loss(n, dim, theta, twist, cutoff)
    assert lost.enough and lost.free_energy >= 0
    if cutoff > 1:
        try:
            assert not plane_wave_loss(n, dim, theta, twist, cutoff - 1).enough
        except ValueError as too_few:
            assert "do not fit" in str(too_few)


@pytest.mark.parametrize(
    ("n_up", "n_down", "dim", "theta"), [(7, 7, 3, 0.125), (3, 1, 2, 0.5), (5, 5, 2, 0.02)]
)
def test_the_chosen_cutoff_is_enough_for_both_spins(n_up: int, n_down: int, dim: int, theta: float) -> None:
    """And what it costs is what each spin loses in the box of all electrons."""
    cutoff = plane_wave_cutoff(n_up, dim, theta, 0.25, n_down)
    lost = plane_wave_loss(n_up, dim, theta, 0.25, cutoff, n_down)
    assert lost.enough
    assert not plane_wave_loss(n_up, dim, theta, 0.25, cutoff - 1, n_down).enough
    n = n_up + n_down
    majority = max(n_up, n_down) / n
    b = (2 * math.pi / box_length(n, dim)) ** 2 / (theta * fermi_energy(dim, majority))
    energies = plane_waves(dim, cutoff, (0.25,) * dim).square().sum(1)
    costs = [
        (complete_gas(m, (0.25,) * dim, b)[0] / b + ideal_gas(energies, m, b).free_energy)
        for m in (n_up, n_down)
    ]
    assert lost.free_energy == pytest.approx(sum(costs) * (2 * math.pi / box_length(n, dim)) ** 2, abs=1e-9)


@given(st.integers(1, 6), st.integers(0, 3), decades(0.7, 1e3))
@few(20)
def test_the_chosen_shells_are_the_fewest_that_are_enough(n_up: int, n_down: int, beta: float) -> None:
    shells = oscillator_shells(n_up, n_down, beta)
    assert oscillator_loss(n_up, n_down, beta, shells).enough
    if shells * (shells - 1) // 2 >= max(n_up, n_down):
        assert not oscillator_loss(n_up, n_down, beta, shells - 1).enough


def test_a_small_basis_says_what_it_costs() -> None:
    lost = oscillator_loss(1, 0, 0.1, 10)
    assert lost.free_energy == pytest.approx(46.043369 - 33.39, abs=0.01)
    assert lost.noticeable
    lost = plane_wave_loss(7, 3, 1.0, 0.0, 5)
    assert lost.free_energy / 7 / 25 == pytest.approx(0.0153, abs=1e-4)
    assert lost.entropy / 7 == pytest.approx(0.27, abs=0.01)


@given(
    st.sampled_from([(2, 2), (2, 3), (3, 2), (3, 3)]), decades(1e-3, 1.0), st.sampled_from([0.0, 0.25, 0.5])
)
@few(25)
def test_every_level_of_mixed_plane_waves_that_counts_is_kept(system, theta: float, twist: float) -> None:
    n, dim = system
    temperature = theta * fermi_energy(dim)
    mixing = ConfigurationInteraction(n, dim, 0.0, twist, 8.0, temperature)
    found = -temperature * float((-mixing.energies / temperature).logsumexp(0))
    unit = (2 * math.pi / box_length(n, dim)) ** 2
    complete = -temperature * complete_gas(n, (twist,) * dim, unit / temperature)[0]
    lost = mixed_plane_wave_loss(n, dim, theta, twist, 8.0)
    assert found - complete == pytest.approx(lost.free_energy, abs=2e-7 * unit + 1e-10 * temperature)


@given(st.sampled_from([(2, 2), (2, 3), (3, 2), (3, 3)]), decades(1e-3, 2.0), st.floats(-0.5, 0.5))
@few(15)
def test_diagonalisation_without_interaction(system, theta: float, twist: float) -> None:
    n, dim = system
    unit, beta = (2 * math.pi / box_length(n, dim)) ** 2, 1 / (theta * fermi_energy(dim))
    log_z, energy = complete_gas(n, (twist,) * dim, beta * unit)
    found = diagonalize(n, dim, 0.0, theta, (twist,) * dim, cutoff=8.0)
    rounding = 1e-11 * (1 + abs(log_z))
    agree(found.reference, Reference.thermal(log_z, unit * energy, beta, rounding, unit * rounding))


@given(st.sampled_from([(2, 2), (2, 3), (3, 2)]), decades(0.01, 2.0), decades(1e-4, 1e-2))
@few(15)
def test_diagonalisation_at_weak_coupling_is_first_order(system, theta: float, rs: float) -> None:
    n, dim = system
    found = diagonalize(n, dim, rs, theta, (0.25,) * dim, cutoff=20.0)
    first = hartree_fock(n, dim, rs, theta, 0.25, plane_wave_cutoff(n, dim, theta, 0.25))
    basis = ENOUGH * n * max(theta, 1) * fermi_energy(dim)
    assert -5 * rs**2 - found.free_energy_error - basis < found.free_energy - first.free_energy
    assert found.free_energy - first.free_energy < found.free_energy_error


@given(
    st.sampled_from([(2, 2, 40, 160), (2, 3, 24, 64), (3, 2, 20, 36)]), decades(0.01, 2.0), decades(0.01, 1e4)
)
@few(12)
def test_diagonalisation_covers_larger_cutoffs(system, theta: float, rs: float) -> None:
    n, dim, small, large = system
    twist = (0.25,) * dim
    coarse, fine = (diagonalize(n, dim, rs, theta, twist, cutoff=float(c)) for c in (small, large))
    agree(coarse.reference, fine.reference)


@given(st.sampled_from([2, 3]), decades(1e-3, 1e3), decades(1e-3, 1e3), st.floats(-0.5, 0.5))
@few(15)
def test_one_electron_in_a_box(dim: int, theta: float, rs: float, twist: float) -> None:
    found = single_electron(dim, rs, theta, twist)
    unit, beta = (2 * math.pi / box_length(1, dim)) ** 2, 1 / (theta * fermi_energy(dim))
    reach = math.ceil(math.sqrt(45 / (beta * unit))) + 2
    e = unit * (np.arange(-reach, reach + 1) + twist) ** 2
    p = np.exp(-beta * (e - e.min()))
    log_z = dim * (math.log(p.sum()) - beta * e.min())
    madelung = {2: -3.900264920, 3: -2.837297479}[dim] * rs / box_length(1, dim)
    energy = dim * float(p @ e / p.sum()) + madelung
    error = 1e-9 * rs + 1e-12 * abs(energy)
    agree(found, Reference.thermal(log_z - beta * madelung, energy, beta, beta * error, error))


@given(st.integers(0, 400))
@few(25)
def test_levels_of_two_electrons_in_closed_form(m: int) -> None:
    found = relative_levels(m, math.sqrt(2 * m + 1), m + 10.0)[0]
    assert found == pytest.approx(m + 2, abs=1e-10)


@given(st.integers(2, 40), decades(1e-6, 1e6))
@few(12)
def test_levels_of_two_electrons_by_finite_differences(m: int, z: float) -> None:
    """Of u = s^(1/2) psi; Richardson's extrapolation leaves an error far below that of one grid."""
    s = max((z / math.sqrt(2)) ** (1 / 3), math.sqrt(m))
    low, high = max(s - 8, 1e-3), s + 9
    found = []
    for points in (4000, 8000):
        x, h = np.linspace(low, high, points + 2, retstep=True)
        x = x[1:-1]
        v = (m**2 - 0.25) / (2 * x**2) + x**2 / 2 + z / (math.sqrt(2) * x)
        shift = v.min()
        levels = eigvalsh_tridiagonal(
            1 / h**2 + v - shift, np.full(points - 1, -0.5 / h**2), select="i", select_range=(0, 3)
        )
        found.append(levels + shift)
    expected = found[1] + (found[1] - found[0]) / 3
    levels = relative_levels(m, z, float(expected[3]) + 0.5)[:4]
    np.testing.assert_allclose(levels, expected, rtol=1e-12, atol=2e-7)


@given(st.booleans(), decades(0.8, 1e6))
@few(10)
def test_two_electrons_without_interaction(same_spin: bool, beta: float) -> None:
    agree(
        two_electron_dot(0.0, beta, same_spin),
        oscillator_gas(2 if same_spin else 1, 0 if same_spin else 1, beta),
    )


@given(decades(0.8, 1e3), decades(1e-6, 1e-3), st.booleans())
@few(8)
def test_two_weakly_coupled_electrons_are_first_order(beta: float, z: float, same_spin: bool) -> None:
    spins = (2, 0) if same_spin else (1, 1)
    shells = oscillator_shells(*spins, beta)
    first = thermal_free_energy(*spins, z, beta, shells)
    found = two_electron_dot(z, beta, same_spin)
    basis = oscillator_loss(*spins, beta, shells).free_energy * (1 + z)
    assert found.free_energy < first.scaled_free_energy + found.free_energy_error
    assert found.free_energy > first.free_energy - 2 * z**2 - basis - found.free_energy_error - 1e-12


@given(decades(1e-3, 1e8), decades(1e-3, 1e6), st.booleans())
@few(12)
def test_two_electrons_are_known_with_a_bound_or_not_at_all(z: float, beta: float, same_spin: bool) -> None:
    """At strong coupling the ground state is the rotating molecule with three oscillations."""
    try:
        found = two_electron_dot(z, beta, same_spin) if beta > 2 or beta < 0.1 else None
    except NotKnown as reason:
        assert "too many" in str(reason)
        found = None
    if found is not None:
        assert found.entropy >= -found.entropy_error
        assert found.free_energy <= found.energy + found.free_energy_error
    s = (z / math.sqrt(2)) ** (1 / 3)
    if z > 100:
        classical = 1.5 * s**2 + (math.sqrt(3) + 2) / 2 + (same_spin / 2 - 0.125) / s**2
        assert ground_state(z, same_spin) == pytest.approx(classical, abs=0.5 / s**2)


@given(st.integers(2, 5), decades(1e-4, 1e8), decades(1e-6, 1e3))
@few(30)
def test_free_spins(sites: int, beta: float, gamma: float) -> None:
    found = thermal_state(PauliSum(sites, transverse_ising([], sites, 1.0, gamma)), beta).reference
    x = beta * gamma
    log_z = sites * (x + math.log1p(math.exp(-2 * x)))
    excitation = 2 * math.exp(-2 * x) / (1 + math.exp(-2 * x))
    energy = sites * gamma * (excitation - 1)
    entropy = sites * (math.log1p(math.exp(-2 * x)) + x * excitation)
    capacity = sites * (2 * x * math.exp(-x) / (1 + math.exp(-2 * x))) ** 2
    assert abs(found.free_energy + log_z / beta) <= found.free_energy_error + 1e-15 * log_z / beta
    assert abs(found.energy - energy) <= found.energy_error + 1e-15 * abs(energy)
    assert abs(found.entropy - entropy) <= found.entropy_error + 1e-14
    assert abs(found.heat_capacity - capacity) <= found.heat_capacity_error + 1e-14


@pytest.mark.parametrize("beta", [1e-4, 1.0, 1e5])
@pytest.mark.parametrize("field", [0.0, 0.3])
def test_random_traces_of_degenerate_spectra(field: float, beta: float) -> None:
    """Without coupling there are few levels, of high multiplicity, or one."""
    sites = 8
    bonds = cell_bonds(2, 4, SQUARE_LINKS)
    hamiltonian = PauliSum(sites, heisenberg(bonds, sites, 0.0, 1.0, field))
    levels, _ = lowest_states(hamiltonian, 20)
    expected = np.sort(
        [field * (0.5 * sites - k) for k in range(sites + 1) for _ in range(math.comb(sites, k))]
    )
    np.testing.assert_allclose(levels, expected[:20], atol=1e-12)
    found = thermal_lanczos(hamiltonian, beta, vectors=VECTORS)
    exact = -sites / beta * (0.5 * beta * field + math.log1p(math.exp(-beta * field)))
    rounding = 1e-12 * (1 + 1 / beta)
    assert abs(found.free_energy - exact) < errors(VECTORS) * found.free_energy_error + rounding
    assert found.entropy >= -1e-9
