"""Score-function gradients and Fisher matrices against autograd of the exact expectation values.

The empirical distribution of the batch is exactly that of the model, so that nothing is statistical.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from vfe_lightning.estimate import Factor
from vfe_lightning.estimators.gradients import Rows, clip
from vfe_lightning.estimators.quantum import by_variational_monte_carlo

COUNTS = torch.tensor([1, 1, 2, 4])
BATCH = torch.arange(4).repeat_interleave(COUNTS)  # eight samples of p = (1, 1, 2, 4) / 8
TEMPERATURE = 0.7


def score_function(log_prob: torch.Tensor, cost: torch.Tensor) -> torch.Tensor:
    """Its gradient is Re < (cost - <cost>)^* grad ln p >: Williams, Mach. Learn. 8, 229 (1992)."""
    cost = cost.detach()
    return ((cost - cost.mean()).conj() * log_prob).real.mean()


class Categorical(nn.Module):
    """Logits that depend on three parameters, at zero where p is that of the batch."""

    def __init__(self) -> None:
        super().__init__()
        g = torch.Generator().manual_seed(0)
        self.theta = nn.Parameter(torch.zeros(3, dtype=torch.float64))
        self.register_buffer("slope", torch.randn(4, 3, generator=g, dtype=torch.float64))

    def log_prob(self) -> Tensor:
        return (COUNTS.double().log() + (self.slope @ self.theta).sin()).log_softmax(0)


class Amplitudes(nn.Module):
    """Unnormalised complex ln psi of four basis states; |psi|^2 is that of the batch at zero."""

    def __init__(self) -> None:
        super().__init__()
        g = torch.Generator().manual_seed(1)
        self.theta = nn.Parameter(torch.zeros(3, dtype=torch.float64))
        self.register_buffer("slope", torch.randn(4, 3, generator=g, dtype=torch.complex128))
        self.register_buffer("phase", torch.rand(4, generator=g, dtype=torch.float64))
        h = torch.randn(4, 4, generator=g, dtype=torch.complex128)
        self.register_buffer("h", h + h.mH)

    def log_psi(self) -> Tensor:
        linear = self.slope @ self.theta.to(self.slope.dtype)
        return 0.5 * COUNTS.double().log() + 1j * self.phase + linear + linear**2

    def energy(self) -> Tensor:
        psi = self.log_psi().exp()
        return ((psi.conj() @ self.h @ psi) / (psi.conj() @ psi)).real

    def local_energy(self) -> Tensor:
        psi = self.log_psi().detach().exp()
        return (self.h @ psi / psi)[BATCH]

    def scores(self) -> Tensor:
        return self.slope[BATCH]


ENERGIES = torch.tensor([0.3, -1.0, 2.0, 0.5], dtype=torch.float64)


def classical() -> tuple[Categorical, Factor, Tensor]:
    model = Categorical()
    log_p = model.log_prob()
    free_energy = (log_p.exp() * (ENERGIES + TEMPERATURE * log_p)).sum()
    (exact,) = torch.autograd.grad(free_energy, model.theta)
    scores = torch.func.jacfwd(lambda t: torch.func.functional_call(_LogProb(model), {"m.theta": t}, ()))(
        model.theta.detach()
    )
    cost = (ENERGIES + TEMPERATURE * log_p.detach())[BATCH]
    return model, Factor("p", model, lambda: scores[BATCH], cost), exact


class _LogProb(nn.Module):
    def __init__(self, m: Categorical) -> None:
        super().__init__()
        self.m = m

    def forward(self) -> Tensor:
        return self.m.log_prob()


def test_classical_gradient_is_that_of_the_exact_free_energy():
    model, factor, exact = classical()
    torch.testing.assert_close(Rows.of(factor).gradient(), exact, rtol=1e-12, atol=1e-14)
    surrogate = score_function(model.log_prob()[BATCH], factor.cost)
    torch.testing.assert_close(torch.autograd.grad(surrogate, model.theta)[0], exact, rtol=1e-12, atol=1e-14)


def test_quantum_gradient_is_that_of_the_exact_energy():
    model = Amplitudes()
    (exact,) = torch.autograd.grad(model.energy(), model.theta)
    factor = Factor("psi", model, model.scores, model.local_energy())
    torch.testing.assert_close(Rows.of(factor).gradient(), exact, rtol=1e-12, atol=1e-13)
    surrogate = 2 * score_function(model.log_psi()[BATCH], factor.cost)
    torch.testing.assert_close(torch.autograd.grad(surrogate, model.theta)[0], exact, rtol=1e-12, atol=1e-13)
    assert abs(float(factor.cost.real.mean() - model.energy().detach())) < 1e-13


def test_classical_rows_make_the_fisher_matrix():
    """It is the Hessian of the Kullback-Leibler divergence at zero distance."""
    model, factor, _ = classical()
    rows = Rows.of(factor)
    p = model.log_prob().detach()

    def divergence(t: Tensor) -> Tensor:
        q = torch.func.functional_call(_LogProb(model), {"m.theta": t}, ())
        return (p.exp() * (p - q)).sum()

    hessian = torch.func.hessian(divergence)(model.theta.detach())
    torch.testing.assert_close(rows.x.mT @ rows.x, hessian, rtol=1e-12, atol=1e-13)
    assert rows.count == 8


def test_quantum_rows_make_the_metric_of_the_rays():
    """-1/2 of the Hessian of the fidelity |<psi|psi'>|^2 at zero distance: Fubini and Study."""
    model = Amplitudes()
    rows = Rows.of(Factor("psi", model, model.scores, model.local_energy()))
    psi = model.log_psi().detach().exp()

    class LogPsi(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.m = model

        def forward(self) -> Tensor:
            return self.m.log_psi()

    def fidelity(t: Tensor) -> Tensor:
        other = torch.func.functional_call(LogPsi(), {"m.theta": t}, ()).exp()
        overlap = (psi.conj() * other).sum()
        norms = psi.abs().square().sum() * other.abs().square().sum()
        return (overlap * overlap.conj()).real / norms

    hessian = torch.autograd.functional.hessian(fidelity, model.theta.detach())
    torch.testing.assert_close(rows.x.mT @ rows.x, -0.5 * hessian, rtol=1e-11, atol=1e-12)
    assert rows.count == 16


@given(shift=st.floats(-1e3, 1e3))
@settings(max_examples=20, deadline=None)
def test_gradient_does_not_depend_on_the_zero_of_energy(shift):
    _, factor, exact = classical()
    moved = Factor("p", factor.module, factor.scores, factor.cost + shift)
    torch.testing.assert_close(Rows.of(moved).gradient(), exact, rtol=1e-9, atol=1e-10)


def test_the_cost_of_a_score_function_is_held_fixed():
    theta = torch.tensor(1.0, requires_grad=True)
    log_p = theta * torch.tensor([1.0, -1.0])
    score_function(log_p, theta * torch.tensor([2.0, 0.0])).backward()
    assert theta.grad is not None
    assert float(theta.grad) == pytest.approx(1.0)


def test_clip_at_five_mean_deviations():
    cost = torch.zeros(100, dtype=torch.float64)
    cost[0] = 100.0
    # mean 1, mean deviation 2 * 0.99, so that 1 + 5 * 1.98 = 10.9 is the limit
    clipped = clip(cost)
    assert float(clipped[0]) == pytest.approx(10.9, rel=1e-14)
    assert bool((clipped[1:] == 0).all())
    assert float(clip(cost, 2.0)[0]) == pytest.approx(1 + 2 * 1.98, rel=1e-14)
    assert torch.equal(clip(cost, 1e3), cost)


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20), st.floats(0.5, 10))
@settings(max_examples=50, deadline=None)
def test_clip_stays_in_range_and_order(values, width):
    cost = torch.tensor(values, dtype=torch.float64)
    clipped = clip(cost, width)
    limit = width * (cost - cost.mean()).abs().mean()
    assert float((clipped - cost.mean()).abs().max()) <= float(limit) + 1e-9
    assert bool((clipped[cost.argsort()].diff() >= 0).all())


def test_estimate_of_variational_monte_carlo():
    """Two x for each of three K: costs of p are means over x, of psi complex; nothing clipped yet."""
    local = torch.tensor([1.0 + 1j, 3.0, 0.0, 0.0, 1000.0, 0.0], dtype=torch.complex128)
    log_p = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64).log()
    module = nn.Linear(1, 1)
    estimate = by_variational_monte_carlo(
        local, log_p, 2.0, p=(module, torch.Tensor), psi=(module, torch.Tensor), clip_width=1.0, unit_of_p=2.0
    )
    assert estimate.correlated == 2
    assert estimate.energy.tolist() == [1, 3, 0, 0, 1000, 0]
    torch.testing.assert_close(estimate.entropy, -log_p.repeat_interleave(2))
    torch.testing.assert_close(estimate.free_energy, estimate.energy + 2 * log_p.repeat_interleave(2))
    p, psi = estimate.factors
    assert (p.name, psi.name) == ("p", "psi")
    of_state = torch.tensor([2.0, 0.0, 500.0], dtype=torch.float64) + 2 * log_p
    torch.testing.assert_close(p.cost, of_state / 2)
    torch.testing.assert_close(psi.cost, local + 2 * log_p.repeat_interleave(2))
    assert (p.clip, psi.clip) == (1.0, 1.0)


@pytest.mark.parametrize("complex_cost", [False, True])
def test_gradients_clip_the_costs_of_all_passes_together(complex_cost):
    """Clipping by pass would depend on how many passes there are; imaginary parts are not clipped."""
    g = torch.Generator().manual_seed(0)
    dtype = torch.complex128 if complex_cost else torch.float64
    scores, cost = torch.randn(40, 3, generator=g, dtype=dtype), torch.randn(40, generator=g, dtype=dtype)
    cost[0] = 1000 + 1000j if complex_cost else 1000.0
    module = nn.Linear(1, 1)
    parts = [Factor("f", module, lambda h=h: scores[h], cost[h], 2.0) for h in (slice(0, 20), slice(20, 40))]
    whole = Rows.of(Factor.concatenate(parts))
    clipped = torch.complex(clip(cost.real, 2.0), cost.imag) if complex_cost else clip(cost, 2.0)
    expected = Rows.of(Factor("f", module, lambda: scores, clipped))
    torch.testing.assert_close(whole.residual, expected.residual)
    torch.testing.assert_close(whole.x, expected.x)
    assert (
        float((Rows.of(Factor("f", module, lambda: scores, cost)).residual - whole.residual).abs().max()) > 1
    )
