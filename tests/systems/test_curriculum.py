"""Flows that train at a temperature which falls: what they learn from, and what they report."""

import pytest
import torch
from stepping import prepared

from vfe_lightning import declarations

RISING = {"kind": "linear", "start": 0.2, "steps": 8}
WARMEST = 0.2 + 0.8 / 8
FEW = {"chains": 8, "trajectories": 2}
SYSTEMS = {
    "field": lambda **c: declarations.PhiFour(L=2, m2=-4.0, lam=8.0, **c),
    "wells": lambda **c: declarations.DoubleWell(
        samples=FEW, beta=2.0, data_weight=0.0, energy_cap=1e12, **c
    ),
    "ions": lambda **c: declarations.OneComponentPlasma(n=2, gamma=3.0, **c),
    "charges": lambda **c: declarations.CoulombTrap(n=2, beta=3.0, **c),
}


def gradient_of(factor):
    return factor.pullback(torch.ones_like(factor.cost)).sum(dim=0)


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_gradient_is_warm_and_the_free_energy_is_not(name):
    """The gradient at a share of beta is that of ln p and of beta H, in these parts."""
    found = {}
    for share in (WARMEST, 0.0, 1.0):
        rising = {"kind": "linear", "start": share, "steps": 10**6} if share != WARMEST else RISING
        system = prepared(SYSTEMS[name](curriculum=rising))
        with torch.enable_grad():
            estimate = system.estimate(40)
        assert estimate.diagnostics["annealed_beta"].item() == pytest.approx(
            share * system.physics.beta, abs=1e-5
        )
        found[share] = gradient_of(estimate.factors[0]), estimate.free_energy
    (warm, f), (entropic, _), (cold, same) = found.values()
    torch.testing.assert_close(f, same)
    torch.testing.assert_close(
        warm, entropic + WARMEST * (cold - entropic), rtol=1e-4, atol=1e-6 * cold.abs().max()
    )
    assert (cold - entropic).abs().max() > 1e-3


def test_an_evaluation_is_cold():
    system = prepared(SYSTEMS["wells"](curriculum=RISING)).eval()
    assert system.beta_now() == 2.0 and "annealed_beta" not in system.estimate(10).diagnostics


def test_a_curriculum_ends_before_the_training_does():
    with pytest.raises(ValueError, match=r"curriculum\.steps = 8 ends after trainer\.max_steps = 4"):
        SYSTEMS["field"](curriculum=RISING).build().check_steps(4)
