"""The one-component plasma as the training sees it: bounds, two ions exactly, folds and gradients."""

import math

import pytest
import torch
from judging import agrees, errors, not_below
from noise import stirred
from stepping import evaluate, prepared, train

from vfe_lightning import declarations
from vfe_lightning.declarations import Adam, NaturalGradient, TrustRegion
from vfe_lightning.declarations.plasma import IndependentStart
from vfe_lightning.errors import NotInvertible
from vfe_lightning.statistics import Moments

SMALL = {"layers": 3, "width": 8, "messages": 1}
ADAM = Adam(learning_rate=0.02)
ALONE = {**SMALL, "messages": 0, "start": {"kind": "independent"}}


def system_of(n=2, gamma=5.0, optimizer=ADAM, flow=SMALL, **declared):
    declaration = declarations.OneComponentPlasma(n=n, gamma=gamma, flow=flow, **declared)
    return prepared(declaration, optimizer, batch=64)


@pytest.mark.parametrize("flow", [SMALL, ALONE], ids=["fermions", "independent"])
def test_two_ions_reach_their_exact_free_energy(flow):
    system = train(system_of(flow=flow), 25)
    exact, found = system.reference().per(2, 1.0), evaluate(system, 15)
    assert exact.energy is not None
    assert not_below(*found["free_energy"], exact.free_energy)
    assert found["free_energy"][0] < exact.free_energy + 0.1
    assert agrees(*found["importance_free_energy"], exact.free_energy)
    assert agrees(*found["reweighted_energy"], exact.energy)
    assert found["entropy"][0] < 0 and system.alarms() == {}
    assert system.figures().keys() == {"pair_correlation"}


def test_independent_ions_are_where_training_starts():
    system = system_of(n=5, flow=ALONE)
    found = evaluate(system, 10)
    assert agrees(*found["free_energy"], system.landmarks()["independent ions"] / 5)
    assert found["entropy"] == (0, 0)
    assert system.contained() == {"independent ions"}


@pytest.mark.parametrize("gradient", ["pathwise", "path_only"])
def test_the_gradient_is_that_of_the_free_energy(gradient):
    """Held against scores, which know nothing of paths, along the direction that those say."""
    system, parts = system_of(n=3, gradient={"kind": gradient}), []
    stirred(system.model, 0.1)
    for _ in range(16):
        (factor,) = system.estimate(32).factors
        assert factor.pullback is not None and factor.metric is not None
        by_path = factor.pullback(torch.full_like(factor.cost, 1 / 32)).sum(dim=0)
        by_scores = (factor.cost[:, None] * factor.metric()).sum(dim=0) / 31  # of scores less their mean
        parts.append(torch.stack([by_path, by_scores]))
    first, second = torch.stack(parts).chunk(2)
    direction = torch.nn.functional.normalize(first[:, 0].mean(dim=0), dim=0)
    along = second @ direction
    away = along[:, 0] - along[:, 1]
    assert agrees(away.mean(), away.std() / math.sqrt(len(away)), 0.0, samples=len(away))
    assert not_below(along[:, 0].mean(), along[:, 0].std() / math.sqrt(len(along)), 1e-3, len(along))


def test_a_natural_gradient_lowers_the_free_energy():
    optimizer = NaturalGradient(classical=TrustRegion(max_norm=0.01, damping=0.1))
    before, after = (
        evaluate(train(system_of(optimizer=optimizer, gamma=20.0), steps), 10)["free_energy"]
        for steps in (0, 8)
    )
    assert after[0] < before[0] - errors() * math.hypot(before[1], after[1])


@pytest.mark.parametrize("training", [True, False])
def test_a_flow_that_folds_stops_with_one_clear_line(training):
    system = system_of()
    with torch.no_grad():
        for p in system.model.parameters():
            p.fill_(-3.0)
    with pytest.raises(NotInvertible, match=r"a layer of the flow folds: .*with more layers") as caught:
        _ = system.training_step(0, 0) if training else evaluate(system, 1)
    assert "\n" not in str(caught.value)


def test_a_fold_of_one_evaluation_is_none_of_the_next():
    system = system_of()
    good = [p.detach().clone() for p in system.model.parameters()]
    with torch.no_grad():
        for p in system.model.parameters():
            p.fill_(-3.0)
        with pytest.raises(NotInvertible):
            evaluate(system, 1)
        for p, value in zip(system.model.parameters(), good, strict=True):
            p.copy_(value)
    assert math.isfinite(evaluate(system, 1)["free_energy"][0])


def test_a_positive_entropy_is_told():
    system = system_of()
    system.evaluation = {"entropy": Moments.with_error(torch.tensor(0.1), torch.tensor(0.01))}
    assert "entropy_above_uniform" in system.alarms()
    system.evaluation = {"entropy": Moments.with_error(torch.tensor(0.01), torch.tensor(0.01))}
    assert not system.alarms()


def test_the_declared_start_is_taken():
    assert isinstance(system_of(flow=ALONE).declaration.flow.start, IndependentStart)
    assert type(system_of(flow=ALONE).model.start).__name__ == "Independent"
    assert type(system_of().model.start).__name__ == "FermionPositions"
