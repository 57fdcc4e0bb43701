"""Whether populations are in the Gibbs state, by what they say of each other and of known wells."""

import math
from dataclasses import replace

import pytest
import torch
from contracts import SMALL, small
from judging import agrees, scatters_by
from noise import normal

import vfe_lightning
from vfe_lightning import reductions
from vfe_lightning.declarations import SequentialMonteCarlo
from vfe_lightning.errors import NotKnown, Refused
from vfe_lightning.exact import planar
from vfe_lightning.finishing import Crossing, finish
from vfe_lightning.generative.reparameterized import log_normal
from vfe_lightning.gibbs_state import EXACT, GibbsState, mean_of_pairs
from vfe_lightning.hamiltonians import planar_wells
from vfe_lightning.presentation import text
from vfe_lightning.reporting import Reporting
from vfe_lightning.samplers.bridge import Bridge
from vfe_lightning.samplers.sequential_monte_carlo import Climb, Series
from vfe_lightning.samplers.stretched_trajectories import Trajectories
from vfe_lightning.trained import built

CPU = torch.device("cpu")
POPULATIONS, SIZE, ROUNDS = 32, 64, 6
CLASSICAL = sorted(
    name
    for name in SMALL
    if not name.startswith(
        ("heg", "hydrogen", "quantum", "tfim", "heisenberg", "inverse", "solvated", "alanine")
    )
)
LONG = {"lj13", "mueller_brown", "neural_rg"}


def series(means, variance: float = 1.0) -> Series:
    return Series(means, torch.full_like(means, variance))


def good() -> GibbsState:
    """What independent walkers of a normal density would leave."""
    means = normal(1, ROUNDS + 1, POPULATIONS) / math.sqrt(SIZE)
    climb = Climb(None, 3, torch.tensor([0.8, 0.9, 0.9]), torch.full((3, 2), 0.5))  # pyright: ignore
    flow = 0.1 * normal(3, POPULATIONS, 2)
    found = {"action": series(means + 5), "x": series(means)}
    return GibbsState(
        0.2 * normal(2, POPULATIONS), found, flow, climb, torch.zeros(POPULATIONS * SIZE), 1e5, 1.0
    )


def test_good_populations_are_exact():
    assert good().verdict(0.8) == EXACT
    r_hats = good().r_hats()
    assert r_hats.keys() == {"action", "x"} and all(1 <= r < 1.02 for r in r_hats.values())


@pytest.mark.parametrize("more", [-5.0, 0.01])
def test_a_control_that_finds_no_more_says_nothing(more):
    assert replace(good(), control=good().log_z.flip(0) + more).verdict(0.8) == EXACT


def with_x(means, variance=1.0):
    return replace(good(), series={"action": good().series["action"], "x": series(means, variance)})


STUCK = torch.where(torch.arange(POPULATIONS) < 9, 1.0, 0.0).double().expand(ROUNDS + 1, POPULATIONS)
X = normal(1, ROUNDS + 1, POPULATIONS) / math.sqrt(SIZE)
MOVING = X + torch.arange(ROUNDS + 1)[:, None].gt(0) * 1.0


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (replace(good(), log_z=4 * good().log_z * 5), "populations disagree about Z"),
        (with_x(STUCK, 0.0), "populations disagree about x"),
        (with_x(3 * X * math.sqrt(SIZE)), "populations disagree about x"),
        (with_x(MOVING), "x moves on"),
        (replace(good(), flow=0.1 * normal(3, POPULATIONS, 2) + 0.2), "known well 1 are not in balance"),
        (replace(good(), climb=replace(good().climb, conditional=torch.tensor([0.2, 0.9]))), "falls to 0.2"),
        (replace(good(), control=good().log_z + 1), "find 1 kT less"),
        (replace(good(), log_z=good().log_z - math.inf), "died out"),
    ],
)
def test_what_is_wrong_is_told(bad, why):
    verdict = bad.verdict(0.8)
    assert verdict.startswith("not exact: ") and why in verdict


def test_numbers_are_means_over_populations():
    state = good()
    found = state.numbers(Reporting(2, 0.5, 3.0, "Ry", "site", {"x": ("a_0", "site")}))
    assert {"smc_free_energy", "smc_energy", "smc_entropy", "smc_heat_capacity", "smc_x"} < found.keys()
    f, e, s = (found[f"smc_{n}"] for n in ("free_energy", "energy", "entropy"))
    assert (f.units, f.per, e.units, s.units) == ("Ry", "site", "Ry", "k_B")
    assert (found["smc_x"].units, found["smc_seconds"].units) == ("a_0", "s")
    z = state.log_z.exp()
    assert f.mean.item() == pytest.approx(-0.75 * z.mean().log().item())
    assert f.error.item() == pytest.approx(0.75 * (z.std() / z.mean() / math.sqrt(POPULATIONS)).item())
    assert f.mean.item() == pytest.approx((e.mean - 1.5 * s.mean).item())
    assert found["smc_evaluations"].mean == 1e5


def well(centre: float) -> tuple[Crossing, float]:
    """A normal density at one minimum of a double well at beta = 1, and the exact F."""
    h = planar_wells.DoubleWell()
    minima = torch.tensor([[x, 0.0] for x in h.minima()], dtype=torch.float64)
    place = minima[0] if centre < 0 else minima[1]
    width = 0.45 if centre else 2.0

    def draw(n, g):
        z = torch.randn(n, 2, generator=g, dtype=torch.float64)
        return (place if centre else 0.0) + width * z, log_normal(z) - 2 * math.log(width)

    def log_q(x):
        return log_normal((x - (place if centre else 0.0)) / width) - 2 * math.log(width)

    bridge = Bridge(draw, log_q, h.energy, h.gradient)
    first = {"right": lambda x: (x[:, 0] > 0).double()}
    return Crossing(bridge, [Trajectories(bridge)], first, minima), planar.double_well(
        h, 1.0
    ).reference.free_energy


WANTED = SequentialMonteCarlo(populations=32, walkers=128, rounds=1, settling=8)


@pytest.mark.parametrize("centre", [0.0, -1.0, 1.0])
def test_a_double_well_is_found_from_anywhere(centre):
    """From both wells, or from one of them with images of it at the other: no mode is lost."""
    crossing, exact = well(centre)
    state = finish(crossing, WANTED, 1, CPU)
    found = state.numbers(Reporting())
    assert state.verdict(WANTED.threshold) == EXACT
    f, right = found["smc_free_energy"], found["smc_right"]
    assert agrees(f.mean, f.error, exact, samples=32) and f.error < 0.1
    share = 1 / (1 + math.exp(planar.double_well(planar_wells.DoubleWell(), 1.0).difference))
    assert agrees(right.mean, right.error, share, samples=32)


@pytest.mark.slow
def test_errors_are_those_of_repetition():
    """From a density that is narrower across the wells than the Gibbs state: its weights have long tails."""
    crossing, exact = well(-1.0)
    wanted = WANTED.model_copy(update={"settling": 16})
    reference = planar.double_well(planar_wells.DoubleWell(), 1.0).reference
    assert exact == reference.free_energy
    away = []
    for seed in range(60):
        found = finish(crossing, wanted, seed, CPU).numbers(Reporting())
        numbers = {"free_energy": exact, "energy": reference.energy, "entropy": reference.entropy}
        away.append([(found[f"smc_{k}"].mean - v) / found[f"smc_{k}"].error for k, v in numbers.items()])
    for pulls in torch.tensor(away, dtype=torch.float64).mT:
        assert scatters_by(pulls, 1.0) and agrees(pulls.mean(), pulls.std() / math.sqrt(60), 0.0, samples=60)


def test_errors_of_pairs_are_those_of_repetition():
    """Of 400 independent coordinates in one run, and of products of walkers of neighbouring populations."""
    count = 400

    def draw(n, g):
        x = 1 + torch.randn(n, count, generator=g, dtype=torch.float64)
        return x, log_normal(x - 1)

    bridge = Bridge(draw, lambda x: log_normal(x - 1), lambda x: -log_normal(x - 1))
    singles = {f"single_{k}": lambda x, k=k: x[:, k] for k in range(count)}
    pairs = {f"pair_{k}": lambda x, k=k: x[:, k] * x[:, k].roll(1) for k in range(count)}
    wanted = SequentialMonteCarlo(populations=32, walkers=8, steps=1, settling=2)
    state = finish(Crossing(bridge, [], singles | pairs), wanted, 1, CPU)
    found = state.numbers(Reporting())
    for kind in ("single", "pair"):
        numbers = [found[f"smc_{kind}_{k}"] for k in range(count)]
        assert scatters_by(torch.stack([(m.mean - 1) / m.error for m in numbers]), 1.0)
        assert all(state.series[f"{kind}_{k}"].paired == (kind == "pair") for k in range(count))


def test_the_mean_of_pairs_weighs_both_members():
    log_weights, x = normal(1, 2, 6), normal(2, 12, 3)
    found = mean_of_pairs(log_weights, x)
    torch.testing.assert_close(found.mean, log_weights.flatten().softmax(0) @ x)
    alike = mean_of_pairs(torch.zeros(1, 12, dtype=torch.float64), torch.tensor([1.0, -1.0] * 6).double())
    assert alike.error.item() == pytest.approx(1 / math.sqrt(11))  # no negative covariance is believed


@pytest.mark.parametrize("centre", [-1.0, 1.0])
def test_a_lost_mode_is_not_called_exact(centre):
    crossing, _ = well(centre)
    # the lost well has one walker in 120 or more; so many are told from none
    state = finish(crossing, WANTED.model_copy(update={"jumps": False, "walkers": 512}), 1, CPU)
    assert "known well" in state.verdict(WANTED.threshold)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in CLASSICAL]
)
def test_every_classical_density_goes_on_to_its_gibbs_state(name):
    experiment = small(
        name, evaluation={"kind": "smc", "populations": 8, "walkers": 8, "settling": 2, "steps": 2}
    )
    system = built(experiment)
    system.generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        found = system.in_the_gibbs_state(1, system.reporting, {"asked": lambda x: x.flatten(1).sum(1)})
    assert system.verdict and "smc_asked" in found
    numbers = [found[f"smc_{name}"] for name in ("free_energy", "energy", "entropy")]
    assert all(m.mean.isfinite() and m.error > 0 for m in numbers)
    f, e, s = (m.mean.item() for m in numbers)
    assert f == pytest.approx(e - system.temperature * s, rel=1e-9)


@pytest.mark.parametrize("name", ["heg3d", "tfim", "inverse_ising", "quantum_dot"])
def test_where_there_is_no_density_of_configurations_it_is_refused(name):
    with pytest.raises(NotKnown, match="smc"):
        built(small(name)).crossing()


def test_a_finished_run_goes_on_to_the_gibbs_state(client):
    """The verdict and the numbers are in its results; a loaded run finds the same F."""
    first = small("sk").run()
    assert first.verdict is None
    again = small("sk", evaluation={"kind": "smc", "populations": 8, "walkers": 16}).run(resume=first.run_id)
    assert again.run_id == first.run_id and again.free_energy == first.free_energy
    assert again.verdict and again.verdict in text(again)
    f, error = again.number("smc_free_energy")
    assert again.run_id
    data = client.get_run(again.run_id).data
    assert [data.metrics[f"_quoted/smc_free_energy{end}"] for end in ("", "_error")] == [f, error]
    assert data.metrics["_quoted/smc_entropy"] == again.number("smc_entropy")[0]
    assert data.tags["vfe.verdict"] == again.verdict
    trained = vfe_lightning.load(again.run_id)
    assert trained.result is not None and trained.result.number("smc_free_energy") == (f, error)
    state = trained.gibbs_state(populations=8, walkers=16)
    assert state.x.shape == (8 * 16, 6) and state.verdict(0.8)
    other = state.numbers(trained.system.reporting)["smc_free_energy"]
    assert agrees(other.mean - f, math.hypot(error, other.error), 0.0, samples=8)


def test_a_run_that_cannot_go_on_is_refused_before_it_starts(home):
    with pytest.raises(Refused, match="smc"):
        small("heg3d", evaluation={"kind": "smc"}).run()


def test_nobody_asked():
    system = built(small("sk"))
    assert system.in_the_gibbs_state(1, system.reporting, {}) == {} and system.verdict is None


def test_plain_data_of_the_first_rank_alone():
    assert reductions.of_first([1, "a"]) == [1, "a"]
