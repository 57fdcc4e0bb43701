import itertools
import math

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigh, eigvalsh
from scipy.special import erfc

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact import relative_motion
from vfe_lightning.exact.diagonalization import diagonalize, thermodynamics
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.exact.relative_spectrum import relative_spectrum
from vfe_lightning.hamiltonians.periodic_box import box_length, fermi_energy, plane_waves

SYSTEMS = [(2, 2), (2, 3), (3, 2), (3, 3)]
CHEAP = {(2, 2): 60.0, (2, 3): 30.0, (3, 2): 36.0, (3, 3): 14.0}
XI = {2: -3.900264920, 3: -2.837297479}  # Madelung constants of the square and of the cube


def _potential(q: np.ndarray) -> float:
    q2 = float(q @ q)
    return 0.0 if q2 == 0 else (1 / math.sqrt(q2) if len(q) == 2 else 1 / (math.pi * q2))


def _first_quantised_element(bra: np.ndarray, ket: np.ndarray) -> float:
    """<bra|sum_{i<j} w|ket> by summing over all permutations of the bra."""
    n, total = len(ket), 0.0
    for order in itertools.permutations(range(n)):
        sign = np.linalg.det(np.eye(n)[list(order)])
        for i, j in itertools.combinations(range(n), 2):
            if all((bra[order[s]] == ket[s]).all() for s in range(n) if s not in (i, j)):
                total += sign * _potential(bra[order[i]] - ket[i])
    return total


@pytest.mark.parametrize(
    ("total", "n", "cutoff"),
    [((0, 1), 2, 30), ((0, 0, 1), 2, 12), ((0, 1), 3, 9), ((1, -1), 3, 11), ((0, 0, 1), 3, 6)],
)
def test_matrix_elements_against_first_quantisation(total, n, cutoff):
    sets = relative_motion.determinants(n, total, cutoff)
    assert len(sets) >= 18
    g = 0.7
    expected = np.diag((sets**2).sum((1, 2)) - np.dot(total, total) / n)
    for a, b in itertools.product(range(len(sets)), repeat=2):
        expected[a, b] += g * _first_quantised_element(sets[a], sets[b])
    np.testing.assert_allclose(relative_motion.hamiltonian(sets, g), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(relative_motion.diagonal(sets, g), np.diag(expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("total", "n"), [((0, 2), 2), ((1, -3, 0), 2), ((4, 1), 3), ((0, 1, -1), 3), ((0, 0, 0), 3)]
)
def test_determinants_are_complete(total, n):
    cutoff, reach = 6, 5
    axis = itertools.product(range(-reach, reach + 1), repeat=len(total))
    near = [k for k in axis if sum((x - q / n) ** 2 for x, q in zip(k, total, strict=True)) <= cutoff]
    expected = set()
    for rest in itertools.combinations(near, n - 1):
        last = tuple(int(x) for x in np.array(total) - np.sum(rest, axis=0))
        energy = sum(np.dot(k, k) for k in (*rest, last)) - np.dot(total, total) / n
        if last not in rest and energy <= cutoff + 1e-9:
            expected.add(frozenset((*rest, last)))
    found = [frozenset(tuple(k) for k in s) for s in relative_motion.determinants(n, total, cutoff).tolist()]
    assert len(found) == len(expected)
    assert set(found) == expected


@given(st.sampled_from(SYSTEMS), st.data())
@settings(deadline=None, max_examples=examples(25))
def test_levels_depend_on_the_class_alone(system, data):
    n, dim = system
    total = tuple(data.draw(st.lists(st.integers(-4, 4), min_size=dim, max_size=dim)))
    sets = relative_motion.determinants(n, total, 10)
    whole = eigvalsh(relative_motion.hamiltonian(sets, 1.3))  # no symmetry, the momentum as it stands
    reduced = relative_motion.relative_levels(n, relative_motion.representative(total, n), 1.3, 10)
    np.testing.assert_allclose(reduced, whole, rtol=0, atol=1e-11)


@given(st.sampled_from(SYSTEMS), st.floats(0.05, 1.0), st.data())
@settings(deadline=None, max_examples=examples(12))
def test_free_electrons_are_the_ideal_gas(system, theta, data):
    n, dim = system
    twist = tuple(data.draw(st.lists(st.floats(-0.5, 0.5), min_size=dim, max_size=dim)))
    k = 2 * math.pi / box_length(n, dim) * plane_waves(dim, 36, twist)
    gas = ideal_gas((k**2).sum(1), n, 1 / (theta * fermi_energy(dim)))
    found = diagonalize(n, dim, 0.0, theta, twist, cutoff=8)
    assert found.free_energy == pytest.approx(gas.free_energy, abs=1e-10)
    assert found.energy == pytest.approx(gas.energy, abs=1e-10)
    assert found.entropy == pytest.approx(gas.entropy, abs=1e-10)
    assert max(found.free_energy_error, found.energy_error, found.entropy_error) < 1e-10


@pytest.mark.parametrize(("n", "dim"), SYSTEMS)
def test_first_order_in_rs_is_the_mean_potential_of_the_ideal_gas(n, dim):
    theta, twist, length = 0.2, (0.25, -0.1, 0.05)[:dim], box_length(n, dim)
    k = plane_waves(dim, 16 if dim == 2 else 9, twist).numpy()
    sets = np.array(list(itertools.combinations(range(len(k)), n)))
    energy = (2 * math.pi / length) ** 2 * (k**2).sum(1)[sets].sum(1)
    exchange = sum(
        1 / np.linalg.norm(k[sets[:, i]] - k[sets[:, j]], axis=1) ** (dim - 1)
        for i, j in itertools.combinations(range(n), 2)
    )
    exchange = exchange / (1 if dim == 2 else math.pi)
    weight = np.exp(-(energy - energy.min()) / (theta * fermi_energy(dim)))
    slope = n * XI[dim] / length - 2 / length * (weight @ exchange) / weight.sum()

    h = 1e-4
    free = [diagonalize(n, dim, rs, theta, twist, cutoff=10).free_energy for rs in (0, h, 2 * h)]
    second_order = free[2] - 2 * free[1] + free[0]
    assert second_order < 0  # F is concave in the coupling
    assert (free[1] - free[0] - second_order / 2) / h == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize(("n", "dim"), SYSTEMS)
def test_hartree_fock_at_weak_coupling(n, dim):
    """Lowest determinant at twist 1/4: (0, ..) and n - 1 of the neighbours -1 along an axis."""
    k = -np.eye(dim)[: n - 1]
    k = np.concatenate([np.zeros((1, dim)), k])
    length, rs = box_length(n, dim), 1e-3
    exchange = sum(_potential(a - b) for a, b in itertools.combinations(k, 2))
    kinetic = (2 * math.pi / length) ** 2 * ((k + 0.25) ** 2).sum()
    found = [
        diagonalize(n, dim, x, 0.005, (0.25,) * dim, cutoff=10).energy
        - (kinetic + x * (n * XI[dim] - 2 * exchange) / length)
        for x in (rs, 2 * rs)
    ]
    assert -10 * rs**2 < found[0] < 0  # second order lowers the energy
    assert found[1] / found[0] == pytest.approx(4, rel=0.02)


def _ewald_pair(r: np.ndarray, kappa: float = 6.0) -> np.ndarray:  # (..., 2), box length 1
    """Pair potential of the square: the formula of the Ewald sum, images and all."""
    images = np.array(list(itertools.product((-1, 0, 1), repeat=2)))
    distance = np.linalg.norm(r[..., None, :] - images, axis=-1)
    waves = np.array([g for g in itertools.product(range(-14, 15), repeat=2) if any(g)])
    norm = np.linalg.norm(waves, axis=1)
    long_range = np.cos(2 * math.pi * r @ waves.T) @ (erfc(math.pi * norm / kappa) / norm)
    return (erfc(kappa * distance) / distance).sum(-1) + long_range - 2 * math.sqrt(math.pi) / kappa


def _grid_levels(points: int, total: tuple[int, int], rs: float) -> np.ndarray:
    """Odd levels of -2 nabla^2 + (2 rs/L) pair(r/L) on a grid in the relative coordinate, N = 2, 2D."""
    length = box_length(2, 2)
    x = (np.arange(points) + 0.5) / points - 0.5  # symmetric about 0, which it avoids
    axes = []
    for q in total:  # the relative momentum is an integer or a half-integer: (anti)periodic waves
        p = np.arange(points) - points // 2 + (q % 2) / 2
        wave = np.exp(2j * math.pi * np.outer(x, p)) / math.sqrt(points)
        energy = p**2 if q % 2 else np.where(p == -(points // 2), 0.25, 1) * p**2
        axes.append(((wave * energy) @ wave.conj().T).real)
    one = np.eye(points)
    h = 2 * (2 * math.pi / length) ** 2 * (np.kron(axes[0], one) + np.kron(one, axes[1]))
    r = np.stack(np.meshgrid(x, x, indexing="ij"), -1).reshape(-1, 2)
    h += np.diag(2 * rs / length * _ewald_pair(r))
    half = points**2 // 2  # r and -r stand at mirrored indices
    return eigh(h[:half, :half] - h[:half, half:][:, ::-1], eigvals_only=True, subset_by_index=(0, 3))


@pytest.mark.parametrize("total", [(0, 0), (0, 1), (1, 1)])
def test_two_electrons_against_a_real_space_grid(total):
    rs = 10.0
    unit = (2 * math.pi / box_length(2, 2)) ** 2
    found = unit * relative_motion.relative_levels(2, total, relative_motion.coupling(2, 2, rs), 400)[:4]
    coarse, fine = _grid_levels(24, total, rs), _grid_levels(36, total, rs)
    grid = fine + (fine - coarse) / (1.5**4 - 1)  # psi ~ r at the cusp: the grid's error goes as h^4
    np.testing.assert_allclose(found, grid, rtol=0, atol=5e-6)


@pytest.mark.parametrize(("n", "dim"), SYSTEMS)
def test_levels_and_free_energy_fall_with_the_cutoff(n, dim):
    spectrum = relative_spectrum(n, dim, 10.0, CHEAP[n, dim])
    for levels in spectrum.levels.values():
        for few, more in itertools.pairwise(levels):
            assert (more[: len(few)] <= few + 1e-12).all()  # interlacing
        assert levels[-1][0] < levels[0][0]
    twist = (0.25,) * dim
    bounds = [diagonalize(n, dim, 10.0, 0.5, twist, c).bound for c in (CHEAP[n, dim] / 1.5, CHEAP[n, dim])]
    found = thermodynamics(spectrum, 0.5, twist)
    assert found.free_energy < found.bound == bounds[1] < bounds[0]


@pytest.mark.parametrize(("n", "dim"), SYSTEMS)
def test_energy_and_entropy_are_derivatives(n, dim):
    spectrum = relative_spectrum(n, dim, 5.0, 10.0)
    twist, theta, h = (0.25,) * dim, 0.3, 1e-4
    low, mid, high = (thermodynamics(spectrum, t, twist) for t in (theta - h, theta, theta + h))
    slope = (high.free_energy - low.free_energy) / (2 * h * fermi_energy(dim))
    assert mid.entropy == pytest.approx(-slope, rel=1e-6)
    assert mid.energy == pytest.approx(mid.free_energy + theta * fermi_energy(dim) * mid.entropy, rel=1e-12)


@pytest.mark.parametrize(("n", "dim"), SYSTEMS)
def test_twist_is_a_symmetric_periodic_phase(n, dim):
    spectrum = relative_spectrum(n, dim, 3.0, 8.0)
    one, other = ((0.2, -0.35), (0.35, 1.2)) if dim == 2 else ((0.2, -0.35, 0.1), (1.35, -0.2, -0.1))
    a, b = (thermodynamics(spectrum, 0.3, twist) for twist in (one, other))
    assert a.free_energy == pytest.approx(b.free_energy, abs=1e-11)
    assert a.entropy == pytest.approx(b.entropy, abs=1e-11)


@pytest.mark.parametrize(("n", "dim"), SYSTEMS)
def test_error_estimate_covers_the_cutoff(n, dim):
    cheap, fine = (relative_spectrum(n, dim, 10.0, x * CHEAP[n, dim]) for x in (1, 1.6))
    for theta in (0.15, 0.5):
        a, b = (thermodynamics(s, theta, (0.25,) * dim) for s in (cheap, fine))
        for name in ("free_energy", "energy", "entropy"):
            error = math.hypot(getattr(a, f"{name}_error"), getattr(b, f"{name}_error"))
            assert abs(getattr(a, name) - getattr(b, name)) < 2 * error
        if n == 2:  # extrapolation gains; three electrons reach the power law at higher cutoffs
            assert abs(a.free_energy - b.free_energy) < 0.2 * (a.bound - b.free_energy)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "dim", "free_energy", "entropy"),
    [
        (2, 2, -37.2400065, 1.30569096),
        (2, 3, -27.5698721, 2.34688503),
        (3, 2, -54.438585, 2.240561),
        (3, 3, -39.82475, 3.864856),
    ],
)
def test_full_accuracy(n, dim, free_energy, entropy):
    """Own values at default cutoffs, r_s = 10, theta = 0.5, twist 1/4: the target is 1e-4 relative."""
    found = diagonalize(n, dim, 10.0, 0.5, (0.25,) * dim)
    for value, error in (
        (found.free_energy, found.free_energy_error),
        (found.energy, found.energy_error),
        (found.entropy, found.entropy_error),
    ):
        assert error < 4e-5 * abs(value)
    assert found.free_energy == pytest.approx(free_energy, rel=1e-6)
    assert found.entropy == pytest.approx(entropy, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_up": 4}, "n and dim"),
        ({"dim": 1}, "n and dim"),
        ({"rs": -1.0}, "rs"),
        ({"rs": math.nan}, "rs"),
        ({"theta": 0.0}, "theta"),
        ({"theta": math.inf}, "theta"),
        ({"twist": (0.1,)}, "twist"),
        ({"cutoff": 3.0}, "cutoff"),
    ],
)
def test_impossible_requests_are_refused(change, message):
    arguments = {"n_up": 2, "dim": 2, "rs": 1.0, "theta": 0.3, "twist": (0.0, 0.0), "cutoff": 8.0}
    with pytest.raises(ValueError, match=message):
        diagonalize(**(arguments | change))


def test_too_many_levels_are_not_known():
    with pytest.raises(NotKnown, match="too many to list"):
        diagonalize(3, 3, 1.0, 50.0, (0.0, 0.0, 0.0), cutoff=8.0)
