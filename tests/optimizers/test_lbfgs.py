"""L-BFGS on factors: a quadratic form is minimised in few steps, and its state is kept."""

import io

import pytest
import torch
from torch import nn

from vfe_lightning import declarations
from vfe_lightning.errors import NotFinite
from vfe_lightning.estimate import Factor
from vfe_lightning.optimizers.lbfgs import LBFGS

CURVATURES = torch.tensor([1.0, 3.0, 10.0, 40.0, 100.0], dtype=torch.float64)
MINIMUM = torch.tensor([0.5, -1.0, 2.0, 0.1, -0.3], dtype=torch.float64)


class Vector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(5, dtype=torch.float64))


def made(**options) -> tuple[Vector, LBFGS]:
    module = Vector()
    return module, LBFGS(declarations.LBFGS(**options), module.parameters())


def advance(module: Vector, optimizer: LBFGS, steps: int, scale: float = 1.0) -> dict[str, float]:
    metrics = {}
    for _ in range(steps):
        slope = scale * CURVATURES * (module.theta.detach() - MINIMUM)
        factor = Factor("form", module, None, torch.ones(1), pullback=lambda _, g=slope: g[None])
        metrics = optimizer.update([factor]).at_once()
        optimizer.step()
    return metrics


def test_a_quadratic_form_of_very_different_curvatures_is_minimised_in_few_steps():
    """Gradient descent would gain a factor 1 - 1 / 100 a step."""
    module, optimizer = made(longest=10.0)
    metrics = advance(module, optimizer, 40)
    torch.testing.assert_close(module.theta.data, MINIMUM, rtol=0, atol=1e-9)
    assert metrics["form/gradient_norm"] < 1e-7


def test_the_unit_of_the_free_energy_makes_no_difference():
    """A power of two changes no digit, though torch forgets curvatures below an absolute 1e-10."""
    whole, optimizer = made()
    advance(whole, optimizer, 15)
    weak, other = made()
    advance(weak, other, 15, scale=2.0**-40)
    assert torch.equal(weak.theta, whole.theta)


def test_no_step_changes_a_parameter_by_more_than_the_longest():
    """And the shortened steps are those that the curvature is measured along: the minimum is still found."""
    module, optimizer = made(longest=0.05)
    for _ in range(60):
        before = module.theta.detach().clone()
        advance(module, optimizer, 1)
        assert (module.theta - before).abs().max() <= 0.05 * (1 + 1e-12)
    assert (before - MINIMUM).abs().max() < 0.5
    advance(module, optimizer, 60)
    torch.testing.assert_close(module.theta.data, MINIMUM, rtol=0, atol=1e-9)


def test_a_saved_optimizer_takes_the_same_steps():
    whole, optimizer = made(history=3)
    advance(whole, optimizer, 9)
    first, half = made(history=3)
    advance(first, half, 4)
    file = io.BytesIO()
    torch.save((first.state_dict(), half.state_dict()), file)
    file.seek(0)
    parameters, state = torch.load(file, weights_only=True)
    second, rest = made(history=3)
    second.load_state_dict(parameters)
    rest.load_state_dict(state)
    advance(second, rest, 5)
    torch.testing.assert_close(second.theta, whole.theta, rtol=0, atol=0)


def test_a_gradient_that_is_no_number_changes_nothing():
    module, optimizer = made()
    with pytest.raises(NotFinite, match="form is not finite"):
        advance(module, optimizer, 1, scale=torch.nan)
    assert (module.theta == 0).all()
