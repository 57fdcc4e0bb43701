"""Hybrid Monte Carlo and thermodynamic integration against densities in closed form."""

import math

import pytest
import torch
from judging import agrees, errors
from noise import normal

from vfe_lightning.exact import coulomb_gas
from vfe_lightning.hamiltonians.trapped_particles import Logarithmic, TrappedParticles
from vfe_lightning.samplers import thermodynamic_integration as ti
from vfe_lightning.samplers.hmc import DualAveraging, hybrid_monte_carlo, leapfrog

PRECISION = torch.tensor([1.0, 4.0, 0.5], dtype=torch.float64)


def action(x):
    return 0.5 * (PRECISION * x.square()).sum(dim=1)


def slope(x):
    return PRECISION * x


def test_leapfrog_is_reversible_and_of_second_order():
    x, p = normal(0, 5, 3), normal(1, 5, 3)

    def energy(x, p):
        return action(x) + 0.5 * p.square().sum(dim=1)

    errors = []
    for steps in (20, 40):
        h = torch.full((5, 1), 1.0 / steps, dtype=torch.float64)
        y, q, force = leapfrog(slope, x, p, slope(x), h, steps)
        back, reversed_p, _ = leapfrog(slope, y, -q, force, h, steps)
        torch.testing.assert_close(back, x, rtol=0, atol=1e-13)
        torch.testing.assert_close(reversed_p, -p, rtol=0, atol=1e-13)
        errors.append((energy(y, q) - energy(x, p)).abs().max())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)


def test_chains_sample_a_normal_density():
    chains = hybrid_monte_carlo(
        action,
        slope,
        normal(0, 200, 3),
        warm_up=100,
        trajectories=200,
        leapfrog_steps=5,
        step_size=1e-3,
        measure={"second": lambda x: x[:, 2].square(), "first": lambda x: x[:, 0]},
        generator=torch.Generator().manual_seed(1),
    )
    assert chains.acceptance == pytest.approx(0.8, abs=0.05)
    for name, exact in (("action", 1.5), ("second", 2.0), ("first", 0.0)):
        found = chains.moments(name)
        assert agrees(found.mean, found.error, exact, samples=200) and found.error < 0.05
    assert 0.5 <= chains.autocorrelation_time("action") < 10
    assert chains.series["action"].shape == (200, 200)


def test_a_large_step_is_rejected_rather_than_wrong():
    """Detailed balance holds at any step size: the means stay right where half is rejected."""
    chains = hybrid_monte_carlo(
        action, slope, normal(0, 400, 3) / PRECISION.sqrt(), 0, 300, leapfrog_steps=2, step_size=0.9,
        generator=torch.Generator().manual_seed(1),
    )  # fmt: skip
    assert chains.step_size == 0.9 and chains.acceptance < 0.9
    found = chains.moments("action")
    assert agrees(found.mean, found.error, 1.5, samples=400)


def test_the_step_size_is_found_from_far_away():
    """Of a model in which the acceptance is known as a function of the step size."""
    tuning = DualAveraging(1e-4, 0.8)
    for _ in range(500):
        tuning.learn(math.exp(-tuning.step_size))
    assert math.exp(-tuning.averaged) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("intervals", [4, 8, 24])
def test_quadrature_integrates_polynomials(intervals):
    nodes, weights, halved = ti.clenshaw_curtis(intervals)
    for power in range(intervals + 1):
        exact = 1 / (power + 1)
        assert sum(w * u**power for u, w in zip(nodes, weights, strict=True)) == pytest.approx(
            exact, abs=1e-13
        )
        if power <= intervals // 2:
            assert sum(w * u**power for u, w in zip(nodes, halved, strict=True)) == pytest.approx(
                exact, abs=1e-13
            )
    with pytest.raises(ValueError, match="even"):
        ti.clenshaw_curtis(6)


def test_thermodynamic_integration_finds_the_free_energy_of_two_charges():
    """From free particles to charges of the plane, whose energy has all moments; by their distance alone."""
    beta, stiffness, dim, coupling = 2.0, 2.0, 2, 1.5
    h = TrappedParticles(2, stiffness, Logarithmic(coupling))
    x = normal(0, 800, 2, dim) / math.sqrt(beta * stiffness)
    found = ti.integrate(
        lambda y: beta * h.trap(y),
        lambda y: beta * stiffness * y,
        lambda y: beta * h.energy(y),
        lambda y: beta * h.gradient(y),
        x,
        dim * math.log(2 * math.pi / (beta * stiffness)),
        intervals=16,
        warm_up=15,
        trajectories=15,
        leapfrog_steps=4,
        generator=torch.Generator().manual_seed(1),
    )
    stretch = math.log(2 / (beta * stiffness)) / 2  # to H = sum x^2 - coupling ln r at beta = 1
    exact = -coulomb_gas.log_gas_pair(beta * coupling).free_energy + (2 * dim + beta * coupling) * stretch
    assert found.error < 0.02 and found.quadrature < 0.08
    assert abs(found.log_z - exact) < errors(400) * found.error + found.quadrature
