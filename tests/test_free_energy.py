"""The training step's bookkeeping, on a system of two levels whose free energy is known."""

import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from judging import agrees
from torch import Tensor, nn

from vfe_lightning.declarations import NaturalGradient, Trainer
from vfe_lightning.errors import NotFinite
from vfe_lightning.estimate import Estimate, Factor
from vfe_lightning.free_energy import VariationalFreeEnergy, make_generator
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.reporting import scalars

GAP, TEMPERATURE = 1.5, 0.8
EXACT = -TEMPERATURE * math.log(1 + math.exp(-GAP / TEMPERATURE))


class TwoLevels(VariationalFreeEnergy):
    """p(1) = sigmoid(theta), energies 0 and GAP; `noise` is added to the energy, two samples a state."""

    size, temperature, energy_unit, units = 2, TEMPERATURE, 3.0, "units"
    least_batch = 2

    def __init__(self, theta: float = 0.0, noise: float = 0.0) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([theta], dtype=torch.float64))
        self.noise = noise

    def estimate(self, n_samples: int) -> Estimate:
        p = self.theta.detach().sigmoid()
        state = (torch.rand(n_samples // 2, generator=self.generator, dtype=torch.float64) < p).double()
        state = state.repeat_interleave(2)
        log_prob = torch.where(state > 0, p.log(), (1 - p).log())
        energy = GAP * state + self.noise * torch.randn(
            n_samples, generator=self.generator, dtype=torch.float64
        )
        free_energy = energy + TEMPERATURE * log_prob
        return Estimate(
            free_energy, energy, -log_prob,
            (Factor("p", self, lambda: (state - p)[:, None], free_energy),),
            energies={"kinetic": energy}, observables={"state": state}, diagnostics={"step": p.squeeze()},
            minima={"lowest": free_energy.min()}, maxima={"highest": free_energy.max()},
            profiles={"levels": lambda: torch.stack([1 - state, state], dim=1)}, correlated=2,
        )  # fmt: skip


class Stepper:
    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer, self.step = optimizer, optimizer.step


def prepared(system: TwoLevels, batch: int = 64, accumulate: int = 1) -> TwoLevels:
    stepper = Stepper(make_optimizer(NaturalGradient(), system))
    system.prepare(lambda _: stepper.optimizer, batch, seed=0, accumulate=accumulate)
    system.setup("fit")
    system.on_fit_start()
    system.optimizers = lambda: stepper
    return system


def test_training_reaches_the_exact_free_energy_and_zero_variance():
    system = prepared(TwoLevels(2.0))
    for step in range(300):
        system.training_step(step, step)
    assert system.metrics["free_energy"] * 2 / 3 == pytest.approx(EXACT, abs=1e-6)
    assert system.metrics["variance"] < 1e-10
    assert abs(system.metrics["stationarity"]) < 1e-10
    assert float(system.theta.detach()) == pytest.approx(-GAP / TEMPERATURE, abs=1e-3)


def summary_of(system: TwoLevels, estimate: Estimate) -> dict[str, float]:
    return scalars(system.reporting.measured(estimate)) | system.reporting.diagnostics(estimate)


def test_summary_is_per_particle_in_reported_units():
    system = prepared(TwoLevels(noise=1.0))
    estimate = system.estimate(64)
    summary = summary_of(system, estimate)
    groups = estimate.free_energy.view(-1, 2).mean(1) * 1.5
    assert summary["free_energy"] == pytest.approx(float(groups.mean()))
    assert summary["free_energy_error"] == pytest.approx(float(groups.std()) / math.sqrt(32))
    assert summary["variance"] == pytest.approx(float((1.5 * estimate.free_energy).var()))
    assert summary["entropy"] == pytest.approx(math.log(2) / 2)
    assert summary["kinetic"] == summary["energy"] == pytest.approx(1.5 * float(estimate.energy.mean()))
    assert summary["state"] == pytest.approx(float(estimate.observables["state"].mean()))  # no unit
    assert summary["step"] == pytest.approx(0.5)
    assert summary["lowest"] == float(estimate.free_energy.min())
    assert summary["highest"] == float(estimate.free_energy.max())


def test_stationarity_is_the_variance_between_states_alone():
    """p = 1/2, so that Var_n E[F_loc | n] / T^2 = (GAP / 2 T)^2; from 200 estimates."""
    system = prepared(TwoLevels(noise=2.0), 256)
    found = torch.tensor([summary_of(system, system.estimate(256))["stationarity"] for _ in range(200)])
    error = float(found.std()) / math.sqrt(200)
    assert agrees(found.mean(), error, (GAP / 2 / TEMPERATURE) ** 2, samples=200)
    assert error < 0.05


def test_concatenated_estimates_are_one():
    system = prepared(TwoLevels(noise=1.0))
    parts = [system.estimate(4), system.estimate(6)]
    joined = Estimate.concatenate(parts)
    assert Estimate.concatenate(parts[:1]) is parts[0]
    for name in ("free_energy", "energy", "entropy"):
        assert torch.equal(getattr(joined, name), torch.cat([getattr(p, name) for p in parts]))
    assert torch.equal(joined.factors[0].scores(), torch.cat([p.factors[0].scores() for p in parts]))
    assert torch.equal(joined.factors[0].cost, joined.free_energy)
    assert torch.equal(joined.observables["state"], torch.cat([p.observables["state"] for p in parts]))
    assert torch.equal(joined.minima["lowest"], joined.free_energy.min())
    assert torch.equal(joined.maxima["highest"], joined.free_energy.max())
    assert joined.correlated == 2


@pytest.mark.parametrize("theta", [math.nan, 1e4])
def test_a_free_energy_that_is_no_number_stops_the_training(theta):
    system = prepared(TwoLevels(theta))
    if theta == 1e4:
        system.noise = math.inf
    with pytest.raises(NotFinite, match="nothing was updated"):
        system.training_step(0, 0)
    assert float(system.theta.detach()) == theta or math.isnan(theta)


@pytest.mark.parametrize(("batch", "accumulate"), [(7, 1), (2, 1), (12, 4), (4, 2)])
def test_batches_that_do_not_split_are_refused(batch, accumulate):
    system = TwoLevels()
    system.prepare(lambda _: None, batch, seed=0, accumulate=accumulate)
    with pytest.raises(ValueError, match=f"batch_size = {batch} does not split"):
        system.setup("fit")


def evaluated(system: TwoLevels, batches: int) -> TwoLevels:
    system.on_validation_epoch_start()
    for batch in range(batches):
        system.validation_step(batch, batch)
    system.on_validation_epoch_end()
    return system


def test_the_evaluation_merges_all_batches():
    system = evaluated(prepared(TwoLevels(noise=1.0)), 5)
    system.on_validation_epoch_start()
    everything = Estimate.concatenate([system.estimate(64) for _ in range(5)])
    groups = 1.5 * everything.free_energy.view(-1, 2).mean(1)
    moments = system.evaluation["free_energy"]
    assert moments.count == 160
    assert float(moments.mean) == pytest.approx(float(groups.mean()))
    assert float(moments.error) == pytest.approx(float(groups.std()) / math.sqrt(160))
    state = everything.observables["state"].mean()
    torch.testing.assert_close(system.evaluation["levels"].mean, torch.stack([1 - state, state]))
    assert system.evaluation["variance"].count == 5
    assert float(system.evaluation["lowest"].mean) == float(everything.free_energy.min())
    assert float(system.evaluation["highest"].mean) == float(everything.free_energy.max())


def test_the_evaluation_repeats_and_differs_from_the_training():
    system = prepared(TwoLevels(noise=1.0))
    first = evaluated(system, 2).evaluation["energy"].mean
    system.on_fit_start()
    trained = system.estimate(64).energy.mean()
    assert torch.equal(evaluated(system, 2).evaluation["energy"].mean, first)
    assert not torch.equal(trained * 1.5, first)


def test_a_checkpoint_restores_the_random_numbers():
    def numbers(system: TwoLevels) -> Tensor:
        return system.estimate(8).energy

    system, other = prepared(TwoLevels(noise=1.0)), prepared(TwoLevels(noise=1.0))
    numbers(system)
    checkpoint: dict = {}
    system.on_save_checkpoint(checkpoint)
    other.on_load_checkpoint(checkpoint)
    other.on_fit_start()
    assert torch.equal(numbers(other), numbers(system))
    other.on_load_checkpoint({"generators": checkpoint["generators"] * 2})
    with pytest.raises(ValueError, match="2 processes"):
        other.on_fit_start()


def test_seeds_and_phases_have_numbers_of_their_own():
    cpu = torch.device("cpu")
    made = {
        make_generator(cpu, seed, s).initial_seed() for seed in (0, 1, 42) for s in ("training", "evaluation")
    }
    assert len(made) == 6


class AtStep(TwoLevels):
    global_step = 0


def test_a_batch_that_grows_is_drawn_in_more_passes():
    budget, system = Trainer(max_steps=7, growth=4), prepared(AtStep(noise=1.0), 8)
    system.grown, drawn = budget.grown, []
    estimate = system.estimate
    system.estimate = lambda n: drawn.append(n) or estimate(n)
    sizes = []
    for AtStep.global_step in range(7):
        system.training_step(0, 0)
        sizes.append(sum(drawn))
        drawn.clear()
    assert sizes == [8, 8, 8, 8, 16, 16, 32]


@given(st.integers(1, 10**4), st.integers(0, 6))
def test_as_many_samples_before_a_batch_doubles_as_before_it_doubled_last(steps, doublings):
    budget = Trainer(max_steps=steps, growth=2**doublings)
    stages = Counter(budget.grown(step) for step in range(steps))
    assert set(stages) <= {2**k for k in range(doublings + 1)}
    first = steps / (2 - 0.5**doublings)
    assert all(abs(count * grown - first) <= grown for grown, count in stages.items())
    assert budget.grown(steps + 1) == 2**doublings
