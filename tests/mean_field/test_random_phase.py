"""The random-phase approximation between its exact limits."""

import numpy as np
import pytest

from vfe_lightning.exact.infinite_gas import InfiniteGas, coulomb, panels, shell
from vfe_lightning.mean_field import random_phase
from vfe_lightning.mean_field.random_phase import RandomPhase, matsubara, of_sphere, plasmon

Q = np.array([0.05, 0.3, 1.0, 2.5, 6.0])


@pytest.mark.parametrize("dim", [2, 3])
def test_response_is_the_integral_over_the_sphere(dim):
    """Of 2 Delta / (Delta^2 + omega^2), Delta = q^2 + 2 k q c: by quadrature over k and the angle."""
    q, omega, radius = np.array([[0.01], [0.7], [3.0]]), np.array([2.0, 8.0, 400.0]), 1.9
    k, w = panels(np.array([0.0, radius]), 80)
    c, wc = panels(np.array([-1.0, 1.0]), 80)
    measure = k**2 / (4 * np.pi**2)
    if dim == 2:
        c, wc, measure = np.cos(np.pi * (np.arange(400) + 0.5) / 400), np.full(400, np.pi / 400), 2 * k
        measure = measure / (4 * np.pi**2)
    delta = q[..., None, None] ** 2 + 2 * q[..., None, None] * k[:, None] * c
    integrand = 2 * delta / (delta**2 + omega[:, None, None] ** 2)
    np.testing.assert_allclose(
        of_sphere(q, omega, radius, dim), (integrand @ wc) @ (w * measure), rtol=1e-8, atol=1e-14
    )


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("theta", [0.1, 2.0])
def test_free_energy_is_the_integral_over_the_coupling(dim, theta):
    """r_s d f / d r_s is v, summand by summand."""
    gas = InfiniteGas(dim, (0.5, 0.5), theta)
    less, exact, more = (RandomPhase(gas, 4.0 * scale) for scale in (1 - 1e-4, 1.0, 1 + 1e-4))
    slope = (more.rings(Q) - less.rings(Q)) / 2e-4
    v = 4.0 * coulomb(Q, dim) * (exact.structure_factor(Q) - gas.structure_factor(Q))
    np.testing.assert_allclose(slope, v, rtol=1e-6)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("theta", [0.05, 1.0])
def test_long_waves_are_plasmons(dim, theta):
    gas, q = InfiniteGas(dim, (1.0,), theta), np.array([1e-3])
    omega = plasmon(q, dim, 5.0)
    exact = q**2 / omega / np.tanh(omega / (2 * gas.temperature))
    np.testing.assert_allclose(RandomPhase(gas, 5.0).structure_factor(q), exact, rtol=2e-3)


def test_a_weak_coupling_is_that_of_the_ideal_gas():
    gas = InfiniteGas(3, (1.0,), 0.5)
    np.testing.assert_allclose(RandomPhase(gas, 1e-7).structure_factor(Q), gas.structure_factor(Q), atol=1e-4)


def test_sums_over_frequencies_have_converged(monkeypatch):
    few = RandomPhase(InfiniteGas(2, (1.0,), 0.1), 2.0).structure_factor(Q)
    monkeypatch.setattr(random_phase, "_SUMMED", 300)
    many = RandomPhase(InfiniteGas(2, (1.0,), 0.1), 2.0).structure_factor(Q)
    np.testing.assert_allclose(few, many, atol=1e-5)


def test_frequencies_count_both_signs():
    """sum_l 1 / (l^2 + 1)^2 = (pi coth pi + pi^2 / sinh^2 pi) / 2."""
    omega, weight = matsubara(1 / (2 * np.pi))
    exact = (np.pi / np.tanh(np.pi) + np.pi**2 / np.sinh(np.pi) ** 2) / 2
    assert (omega**2 + 1) ** -2 @ weight == pytest.approx(exact, abs=1e-6)


def test_correlation_energy_of_the_ground_state():
    """-0.158 Ry at r_s = 1, to a percent: the fit of Vosko, Wilk & Nusair, Can. J. Phys. 58, 1200 (1980)."""
    gas = RandomPhase(InfiniteGas(3, (0.5, 0.5), 0.005), 1.0)
    q, w = panels(np.array([0, 0.05, 0.3, 1, 2, 3, 4, 6, 10, 20, 60.0]), 16)
    assert (w * shell(q, 3)) @ gas.rings(q) == pytest.approx(-0.158, abs=1.5e-3)
