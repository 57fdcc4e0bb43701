"""Adam on factors: by scores or by one backward pass, with gradients of bounded length."""

import pytest
import torch
from torch import nn

from vfe_lightning import declarations
from vfe_lightning.errors import NotFinite
from vfe_lightning.estimate import Factor
from vfe_lightning.optimizers.adam import Adam

SCORES = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
COST = torch.randn(6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


class Vector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(3, dtype=torch.float64))


def gradient_after(cost=COST, pulled=False, **options) -> tuple[torch.Tensor, dict[str, float]]:
    module = Vector()

    def pullback(weights: torch.Tensor) -> torch.Tensor:
        return torch.stack([w @ s for w, s in zip(weights.chunk(2), SCORES.chunk(2), strict=True)])

    factor = Factor("p", module, lambda: SCORES, cost, pullback=pullback if pulled else None)
    metrics = Adam(declarations.Adam(**options), module.parameters()).update([factor]).at_once()
    assert module.theta.grad is not None
    return module.theta.grad, metrics


def test_scores_and_backward_pass_give_the_same_gradient():
    by_scores, a = gradient_after()
    by_pullback, b = gradient_after(pulled=True)
    torch.testing.assert_close(by_scores, by_pullback)
    assert a["p/gradient_norm"] == pytest.approx(b["p/gradient_norm"])
    assert a["p/gradient_variance"] > 0 and b["p/gradient_variance"] > 0


def test_long_gradients_are_shortened_and_short_ones_are_not():
    free, metrics = gradient_after()
    norm = metrics["p/gradient_norm"]
    short, shortened = gradient_after(max_norm=norm / 2)
    torch.testing.assert_close(short, free / 2)
    assert shortened["p/gradient_norm"] == norm  # what is logged is the gradient, not the step
    torch.testing.assert_close(gradient_after(max_norm=2 * norm)[0], free)


def test_complex_scores_count_as_one_sample_in_the_variance():
    """Complex scores with no imaginary part are twice the real gradient, of four times the variance."""
    module = Vector()
    real = Factor("p", module, lambda: SCORES, COST)
    quantum = Factor("psi", module, lambda: SCORES.to(torch.complex128), COST.to(torch.complex128))
    optimizer = Adam(declarations.Adam(), module.parameters())
    a, b = optimizer.update([real]).at_once(), optimizer.update([quantum]).at_once()
    assert b["psi/gradient_variance"] == pytest.approx(4 * a["p/gradient_variance"])


def test_a_gradient_that_is_no_number_changes_nothing():
    with pytest.raises(NotFinite, match="p is not finite"):
        gradient_after(cost=COST * torch.nan)
