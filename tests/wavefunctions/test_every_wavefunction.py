"""What states of fermions are, and what flows make of them: held for all that there are, by one list each."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from judging import agrees
from noise import normal
from parts import classes
from physical_parts import BASE_STATES, WAVEFUNCTIONS
from torch import Tensor

import vfe_lightning.wavefunctions
from vfe_lightning.statistics import Moments
from vfe_lightning.wavefunctions.base_states import BaseStates
from vfe_lightning.wavefunctions.proton_geminals import ProtonGeminals

STATES = {name for name in vars(BaseStates) if name[0] != "_"}
SAMPLES, UNIFORM = 1500, 8000


def turns(found: Tensor, expected: Tensor | float) -> None:
    """Two phases are equal, but for whole turns."""
    away = torch.as_tensor(found - expected)
    torch.testing.assert_close(away, 2 * math.pi * (away / (2 * math.pi)).round(), rtol=0, atol=1e-8)


def test_the_lists_are_complete():
    here = list(classes(vfe_lightning.wavefunctions))
    assert {type(some.make()).__name__ for some in BASE_STATES.values()} == {
        c.__name__ for c in here if c is not BaseStates and all(hasattr(c, name) for name in STATES)
    }
    assert {type(make()[0]).__name__ for make in WAVEFUNCTIONS.values()} == {
        c.__name__ for c in here if hasattr(c, "scores") and hasattr(c, "log_psi")
    }


@pytest.mark.parametrize("name", BASE_STATES)
def test_derivatives_equal_autograd(name):
    some = BASE_STATES[name]
    states, z = some.make(), some.points(3)
    size = math.prod(some.shape)
    metric = normal(2, 3, size, size)
    metric = metric + metric.mT
    jet = states.jet(z)
    torch.testing.assert_close(jet.log_psi, states.log_psi(z))
    torch.testing.assert_close(jet.gradient, states.gradient(z))
    second = jet.hessian_contraction(metric)
    for b, point in enumerate(z):
        terms = []
        for part in (0, 1):

            def single(y: Tensor, b: int = b, part: int = part) -> Tensor:
                return torch.view_as_real(states[b : b + 1].log_psi(y.view(1, *some.shape)))[0, part]

            first = torch.autograd.functional.jacobian(single, point.flatten())
            torch.testing.assert_close(torch.view_as_real(jet.gradient)[b, ..., part].flatten(), first)
            terms.append(torch.autograd.functional.hessian(single, point.flatten()) * metric[b])
        both = torch.stack(terms)  # near a node they are large, and both parts have the rounding of either
        bound = {"rtol": 1e-7, "atol": 1e-7 + 1e-11 * float(both.abs().sum())}
        torch.testing.assert_close(torch.view_as_real(second)[b], both.sum((1, 2)), **bound)


@pytest.mark.parametrize("name", BASE_STATES)
def test_walkers_are_rows(name):
    some = BASE_STATES[name]
    states, z = some.make(), some.points(3)
    rows = torch.tensor([2, 0])
    assert len(states) == 3 and len(states[rows]) == 2 and len(states[1:]) == 2
    torch.testing.assert_close(states[rows].log_psi(z[rows]), states.log_psi(z)[rows])
    assert torch.equal(states[1:].momentum, states.momentum[1:])


def change_signs(log_psi: Callable[[Tensor], Tensor], x: Tensor, n_up: int) -> None:
    """Wherever two electrons of one spin are exchanged."""
    n = x.shape[1]
    for i, j in [(a, b) for b in range(n) for a in range(b) if (a < n_up) == (b < n_up)]:
        order = torch.arange(n)
        order[i], order[j] = j, i
        change = log_psi(x[:, order]) - log_psi(x)
        torch.testing.assert_close(change.real, torch.zeros_like(change.real), rtol=0, atol=1e-9)
        turns(change.imag, math.pi)


@pytest.mark.parametrize("name", BASE_STATES)
def test_equal_fermions_change_the_sign(name):
    some = BASE_STATES[name]
    change_signs(some.make().log_psi, some.points(3), some.n_up)


@pytest.mark.parametrize("name", WAVEFUNCTIONS)
def test_equal_fermions_that_a_flow_carries_change_the_sign(name):
    psi, states = WAVEFUNCTIONS[name]()
    x = states.sample(torch.Generator().manual_seed(0))
    with torch.no_grad():
        change_signs(partial(psi.log_psi, states), x, getattr(states, "n_up", x.shape[1]))


@pytest.mark.parametrize("name", BASE_STATES)
def test_a_move_of_all_turns_the_phase_by_the_total_momentum(name):
    """A translation in a periodic cube, a rotation in a trap."""
    some = BASE_STATES[name]
    states, z = some.make(), some.points(3)
    if some.length is None:
        move = torch.tensor([0.4], dtype=torch.float64)
        c, s = move.cos().item(), move.sin().item()
        moved = z @ torch.tensor([[c, s], [-s, c]], dtype=torch.float64)
    else:
        move = normal(4, some.shape[1])
        if some.pinned:
            move = some.length * (2 * move).round()
        moved = z + move
    change = states.log_psi(moved) - states.log_psi(z)
    torch.testing.assert_close(change.real, torch.zeros_like(change.real), rtol=0, atol=1e-9)
    turns(change.imag, states.momentum @ move)


@pytest.mark.parametrize("name", [name for name, some in BASE_STATES.items() if some.length is None])
def test_samples_in_a_trap_have_the_density_of_the_state(name):
    """Stein's identity, <div f + f . d ln |Phi|^2> = 0, of fields of one and of two particles."""
    some = BASE_STATES[name]
    few = some.make()
    for row in range(3):
        states = few[torch.full((SAMPLES,), row)]
        z = states.sample(torch.Generator().manual_seed(5 + row))
        assert z.shape == (SAMPLES, *some.shape)
        slope, apart = 2 * states.gradient(z).real, z[:, 0] - z[:, 1]
        square = apart.square().sum(1)
        one = z[0].numel() + (z * slope).sum((1, 2))
        two = (-0.5 * square).exp() * (2 - square + (apart * slope[:, 0]).sum(1))
        for found in (Moments.of(one), Moments.of(two)):
            assert agrees(found.mean, found.error, 0.0, samples=SAMPLES)


@pytest.mark.parametrize("name", [name for name, some in BASE_STATES.items() if some.length])
def test_samples_in_a_cube_have_the_density_of_the_state(name):
    """Structure factors of samples, and of uniform points with the weights |Phi|^2, whose mean is one."""
    some = BASE_STATES[name]
    few, length, (n, dim) = some.make(), some.length, some.shape
    uniform = length * torch.rand(
        UNIFORM, n, dim, generator=torch.Generator().manual_seed(4), dtype=torch.float64
    )
    for row in range(3):
        log_weight = 2 * few[torch.full((UNIFORM,), row)].log_psi(uniform).real
        weight = (log_weight + n * dim * math.log(length)).exp()
        norm = Moments.of(weight)
        assert agrees(norm.mean, norm.error, 1.0, samples=UNIFORM)
        z = few[torch.full((SAMPLES,), row)].sample(torch.Generator().manual_seed(5 + row))
        assert z.shape == (SAMPLES, n, dim) and ((z >= 0) & (z < length)).all()
        for m in torch.eye(dim, dtype=torch.float64):
            q = 2 * math.pi / length * m
            found, expected = (Moments.of(w * structure(x, q)) for w, x in ((1.0, z), (weight, uniform)))
            error = math.hypot(found.error, expected.error)
            assert agrees(found.mean, error, expected.mean, samples=SAMPLES)


def structure(z: Tensor, q: Tensor) -> Tensor:
    """|sum exp(i q . z)|^2 / n: (batch,)."""
    phase = z @ q
    return (phase.cos().sum(1).square() + phase.sin().sum(1).square()) / z.shape[1]


@pytest.mark.parametrize("name", WAVEFUNCTIONS)
def test_scores_are_derivatives(name):
    """Along directions in the space of the parameters, by differences."""
    psi, states = WAVEFUNCTIONS[name]()
    x = states.sample(torch.Generator().manual_seed(0))
    scores = psi.scores(states, x)
    parameters = torch.nn.utils.parameters_to_vector(psi.parameters()).detach()
    real = getattr(psi.mixing, "_real", None) if getattr(psi, "mixing", None) else None
    allowed = torch.ones_like(parameters)
    if real is not None:  # terms that are not there stay out
        allowed[-real.numel() :] = real.flatten().double()
    assert scores.shape == (3, len(parameters)) and scores.is_complex()
    torch.testing.assert_close(psi.scores(states, x, chunk_size=2), scores, rtol=1e-12, atol=1e-12)

    def log_psi(at: Tensor) -> Tensor:
        torch.nn.utils.vector_to_parameters(at, psi.parameters())
        made = states if real is None else psi.mixing(states.state)
        with torch.no_grad():
            if isinstance(made, ProtonGeminals):
                amplitudes, log_norm = psi.pairing(made.levels)
                made = replace(made, amplitudes=amplitudes, log_norm=log_norm)
            return psi.log_psi(made, x)

    for seed in range(5):
        v = normal(seed, len(parameters)) * allowed
        step = 1e-5 * v
        expected = (log_psi(parameters + step) - log_psi(parameters - step)) / 2e-5
        turned = scores @ v.to(scores.dtype)
        torch.testing.assert_close(turned, expected, rtol=1e-5, atol=1e-6)
