"""Natural gradients: two forms of one solution, trust region, momentum, refusal of NaN, saved state."""

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from vfe_lightning import declarations
from vfe_lightning.declarations import NaturalGradient, TrustRegion
from vfe_lightning.errors import NotFinite
from vfe_lightning.estimate import Factor
from vfe_lightning.estimators.gradients import Rows
from vfe_lightning.optimizers import adam, make_optimizer, natural_gradient
from vfe_lightning.optimizers.natural_gradient import solve


class Part(nn.Module):
    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList(
            nn.Parameter(torch.zeros(size, 1, dtype=torch.float64)) for size in sizes
        )


class System(nn.Module):
    """A stand-in for a system: two factors with parameters, one without."""

    def __init__(self) -> None:
        super().__init__()
        self.p, self.psi, self.none = Part(3, 4), Part(5), nn.Identity()


def factors(system: System, batch: int, seed: int, size: float = 1.0) -> list[Factor]:
    g = torch.Generator().manual_seed(seed)
    made = []
    for name, module, parameters, dtype in (
        ("p", system.p, 7, torch.float64),
        ("psi", system.psi, 5, torch.complex128),
        ("none", system.none, 0, torch.float64),
    ):
        scores = torch.randn(batch, parameters, generator=g, dtype=dtype)
        cost = size * torch.randn(batch, generator=g, dtype=dtype)
        made.append(Factor(name, module, lambda scores=scores: scores, cost))
    return made


def vector(parameters: Sequence[Tensor] | nn.Module) -> Tensor:
    tensors = parameters.parameters() if isinstance(parameters, nn.Module) else parameters
    return torch.cat([t.detach().flatten() for t in tensors])


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(2, 30),
    parameters=st.integers(1, 30),
    damping=st.floats(1e-4, 1.0),
    momentum=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_kernel_and_cholesky_form_agree(rows, parameters, damping, momentum, seed):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, parameters, generator=g, dtype=torch.float64) / math.sqrt(rows)
    residual = torch.randn(rows, generator=g, dtype=torch.float64) / math.sqrt(rows)
    previous = torch.randn(parameters, generator=g, dtype=torch.float64) if momentum else None
    # the count alone chooses the form
    kernel = solve(Rows(x, residual, 0), damping, previous)
    cholesky = solve(Rows(x, residual, 10**6), damping, previous)
    scale = float(cholesky.norm()) + 1
    assert float((kernel - cholesky).norm()) < 1e-11 * scale
    assert torch.equal(
        solve(Rows(x, residual, rows), damping, previous), kernel if rows < parameters else cholesky
    )
    right = x.mT @ residual + (damping * previous if previous is not None else 0)
    dense = torch.linalg.solve(x.mT @ x + damping * torch.eye(parameters, dtype=x.dtype), right)
    assert float((dense - cholesky).norm()) < 1e-10 * scale


@pytest.mark.parametrize("batch", [2, 40])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_step_is_the_damped_natural_gradient(batch, momentum):
    system = System()
    region = TrustRegion(damping=0.1, max_norm=1e9, momentum=momentum)
    optimizer = make_optimizer(NaturalGradient(learning_rate=0.5, classical=region, quantum=region), system)
    previous = {"p": torch.zeros(7, dtype=torch.float64), "psi": torch.zeros(5, dtype=torch.float64)}
    for seed in range(3):
        before = {"p": vector(system.p), "psi": vector(system.psi)}
        parts = factors(system, batch, seed)
        metrics = optimizer.update(parts).at_once()
        optimizer.step()
        for factor in parts[:2]:
            rows = Rows.of(factor)
            gradient = rows.x.mT @ rows.residual
            s = rows.x.mT @ rows.x + 0.1 * torch.eye(rows.x.shape[1], dtype=torch.float64)
            delta = torch.linalg.solve(s, gradient + 0.1 * momentum * previous[factor.name])
            moved = before[factor.name] - vector(factor.module)
            torch.testing.assert_close(moved, 0.5 * delta, rtol=1e-10, atol=1e-12)
            assert metrics[f"{factor.name}/gradient_norm"] == pytest.approx(float(gradient.norm()))
            assert metrics[f"{factor.name}/step_norm"] == pytest.approx(math.sqrt(float(delta @ s @ delta)))
            previous[factor.name] = delta
    assert not any(name.startswith("none") for name in metrics)


def test_the_trust_region_limits_long_steps_only():
    """The squared length in S + damping is max_norm where it would be longer."""
    damping, max_norm = 1e-3, 1e-3
    for size, limited in ((10.0, True), (1e-6, False)):
        system = System()
        optimizer = make_optimizer(NaturalGradient(), system)
        parts = factors(system, 40, 0, size)
        optimizer.update(parts).at_once()
        optimizer.step()
        for factor in parts[:2]:
            rows = Rows.of(factor)
            moved = -vector(factor.module)
            s = rows.x.mT @ rows.x + damping * torch.eye(len(moved), dtype=torch.float64)
            if limited:
                assert float(moved @ s @ moved) == pytest.approx(max_norm, rel=1e-10)
            torch.testing.assert_close(
                moved / moved.norm(),
                torch.nn.functional.normalize(torch.linalg.solve(s, rows.gradient()), dim=0),
            )
            if not limited:
                torch.testing.assert_close(
                    moved, torch.linalg.solve(s, rows.gradient()), rtol=1e-9, atol=1e-18
                )


def test_classical_and_quantum_factors_have_regions_of_their_own():
    system = System()
    regions = {"classical": TrustRegion(rate=2.0, max_norm=1e-2), "quantum": TrustRegion(max_norm=1e-4)}
    optimizer = make_optimizer(NaturalGradient(**regions), system)
    parts = factors(system, 40, 0, 100.0)
    optimizer.update(parts).at_once()
    optimizer.step()
    for factor, region in zip(parts, regions.values(), strict=False):
        rows, moved = Rows.of(factor), -vector(factor.module)
        length = (rows.x @ moved).square().sum() + 1e-3 * moved.square().sum()
        assert float(length) == pytest.approx(region.rate**2 * region.max_norm, rel=1e-10)


def test_learning_rate_decays():
    moved = []
    for steps in range(3):
        system = System()
        optimizer = make_optimizer(NaturalGradient(learning_rate=0.1, decay=2), system)
        for _ in range(steps + 1):
            before = vector(system)
            optimizer.update(factors(system, 40, 0)).at_once()
            optimizer.step()
        moved.append(float((vector(system) - before).norm()))
    assert moved[1] / moved[0] == pytest.approx(2 / 3, rel=1e-12)
    assert moved[2] / moved[0] == pytest.approx(1 / 2, rel=1e-12)


def test_the_learning_rate_is_held_before_it_falls():
    declared = declarations.Adam(learning_rate=0.1, hold=4, decay=2)
    assert [declared.rate_after(steps) for steps in (0, 4, 6, 10)] == pytest.approx([0.1, 0.1, 0.05, 0.025])


@pytest.mark.parametrize("declaration", [
    NaturalGradient(classical=TrustRegion(momentum=0.5), quantum=TrustRegion(momentum=0.5)),
    declarations.Adam(),
])  # fmt: skip
@pytest.mark.parametrize("what", ["scores", "cost"])
@pytest.mark.parametrize("batch", [2, 40])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_not_finite_leaves_everything_as_it_was(declaration, what, batch, bad):
    system = System()
    optimizer = make_optimizer(declaration, system)
    optimizer.update(factors(system, batch, 0)).at_once()
    optimizer.step()
    optimizer.zero_grad()
    before = vector(system)
    state = [
        {k: torch.as_tensor(v).clone() for k, v in optimizer.state[p].items()} for p in system.parameters()
    ]
    parts = factors(system, batch, 1)
    last = parts[1]
    scores, cost = last.scores().clone(), last.cost.clone()
    (scores if what == "scores" else cost).view(-1)[0] = bad
    parts[1] = Factor("psi", system.psi, lambda: scores, cost)
    with pytest.raises(NotFinite, match="nothing was updated"):
        optimizer.update(parts).at_once()
    assert torch.equal(vector(system), before)
    assert all(p.grad is None for p in system.parameters())
    for p, old in zip(system.parameters(), state, strict=True):
        for name, value in optimizer.state[p].items():
            assert torch.equal(torch.as_tensor(value), old[name])


@pytest.mark.parametrize("declaration", [
    NaturalGradient(classical=TrustRegion(momentum=0.9), quantum=TrustRegion(momentum=0.9), decay=3),
    declarations.Adam(decay=3),
])  # fmt: skip
def test_saved_state_goes_on_to_the_same_parameters(declaration, tmp_path):
    one, other = System(), System()
    optimizer = make_optimizer(declaration, one)
    for seed in range(2):
        optimizer.update(factors(one, 4, seed)).at_once()
        optimizer.step()
    torch.save((one.state_dict(), optimizer.state_dict()), tmp_path / "state.pt")
    parameters, state = torch.load(tmp_path / "state.pt", weights_only=True)
    other.load_state_dict(parameters)
    restored = make_optimizer(declaration, other)
    restored.load_state_dict(state)
    fresh_system = System()
    fresh_system.load_state_dict(parameters)
    fresh = make_optimizer(declaration, fresh_system)
    for system, opt in ((one, optimizer), (other, restored), (fresh_system, fresh)):
        opt.update(factors(system, 4, 2)).at_once()
        opt.step()
    assert torch.equal(vector(one), vector(other))
    assert not torch.allclose(vector(one), vector(fresh_system), rtol=1e-6, atol=0)


def test_adam_is_that_of_torch_on_the_gradient_of_the_factors():
    system, twin = System(), System()
    optimizer = make_optimizer(declarations.Adam(learning_rate=0.01), system)
    assert isinstance(optimizer, adam.Adam)
    plain = torch.optim.Adam(twin.parameters(), lr=0.01)
    for seed in range(3):
        metrics = optimizer.update(factors(system, 10, seed)).at_once()
        optimizer.step()
        for factor in factors(twin, 10, seed)[:2]:
            gradient = Rows.of(factor).gradient()
            assert metrics[f"{factor.name}/gradient_norm"] == pytest.approx(float(gradient.norm()))
            parameters = list(factor.module.parameters())
            for p, g in zip(parameters, gradient.split([p.numel() for p in parameters]), strict=True):
                p.grad = g.reshape(p.shape)
        plain.step()
        torch.testing.assert_close(vector(system), vector(twin), rtol=1e-14, atol=0)


def test_adam_decays():
    system = System()
    optimizer = make_optimizer(declarations.Adam(learning_rate=0.01, decay=1), system)
    rates = []
    for seed in range(3):
        optimizer.update(factors(system, 10, seed)).at_once()
        optimizer.step()
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.01, 0.005, 0.01 / 3])


def test_the_declaration_chooses_the_optimizer():
    assert isinstance(make_optimizer(NaturalGradient(), System()), natural_gradient.NaturalGradient)
