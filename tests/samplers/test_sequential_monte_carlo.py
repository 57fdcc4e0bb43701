"""From a density to the Gibbs state: Z without bias, by any number of walkers, against closed forms."""

import math
from itertools import pairwise

import pytest
import torch
from judging import agrees
from noise import normal
from spins import all_spins
from test_bridge_moves import gaussians, generator, glass, potts

from vfe_lightning.errors import Diverged
from vfe_lightning.generative.reparameterized import log_normal
from vfe_lightning.samplers.bridge import Bridge, Walkers
from vfe_lightning.samplers.bridge_moves import Independence, KernelMove
from vfe_lightning.samplers.images import Imaged
from vfe_lightning.samplers.pilot import PATIENCE, patience, pilot
from vfe_lightning.samplers.populations import Populations, normalised, systematic
from vfe_lightning.samplers.rungs import Rung
from vfe_lightning.samplers.sequential_monte_carlo import at_the_foot, climb, settled
from vfe_lightning.samplers.stretched_trajectories import Trajectories
from vfe_lightning.samplers.temperatures import THIN, tail
from vfe_lightning.statistics import Importance

EXACT = math.log(2 * math.pi / 4)  # ln Z of `gaussians`


def moves_in_space(bridge):
    return [KernelMove(bridge, Trajectories(bridge, 3)), Independence(bridge)]


def climbed(bridge, moves, rungs, populations, size, seed=5):
    g = generator(seed)
    *_, top = climb(moves, rungs, at_the_foot(bridge, moves, populations, size, g), 1, g)
    return top


def test_z_is_unbiased_of_populations_of_any_size():
    """Four walkers each, so that a bias of one over their number could not hide."""
    bridge = gaussians()
    moves = moves_in_space(bridge)
    rungs = pilot(bridge, moves, 400, 0.5, generator())
    assert 1 < len(rungs) < 6 and rungs[-1].t == 1
    ratio = (climbed(bridge, moves, rungs, 10000, 4).populations.log_z - EXACT).exp()
    assert ratio.std() > 0.3  # or unbiasedness is no news
    assert agrees(ratio.mean(), ratio.std() / 100, 1.0)
    assert ratio.log().mean() < -0.02  # as the logarithm of an unbiased number must be


@pytest.mark.parametrize("system", [glass, potts])
def test_z_of_spins_and_colours(system):
    table, kernels = system()
    exact = (-table.bridge.action(table.x)).logsumexp(0)
    moves = [*(KernelMove(table.bridge, k) for k in kernels(table.bridge)), Independence(table.bridge)]
    rungs = pilot(table.bridge, moves, 300, 0.8, generator())
    ratio = (climbed(table.bridge, moves, rungs, 400, 16).populations.log_z - exact).exp()
    assert 0.02 < ratio.std() < 1 and agrees(ratio.mean(), ratio.std() / 20, 1.0)


def test_populations_from_uniform_spins_are_annealed():
    """Population annealing, Hukushima & Iba, AIP Conf. Proc. 690, 200 (2003), is the same without a model."""
    table, kernels = glass()
    table.table = torch.full_like(table.table, -4 * math.log(2))
    moves = [KernelMove(table.bridge, kernels(table.bridge)[0])]
    rungs = pilot(table.bridge, moves, 500, 0.9, generator(), least=3)
    assert len(rungs) > 2
    assert all(rung.s == pytest.approx(rung.t, abs=1e-12) for rung in rungs)  # q knows nothing of H
    exact = (-table.bridge.action(table.x)).logsumexp(0)
    ratio = (climbed(table.bridge, moves, rungs, 400, 16).populations.log_z - exact).exp()
    assert agrees(ratio.mean(), ratio.std() / 20, 1.0)


def test_a_good_density_knows_its_energy():
    table, _ = glass()
    table.table = (-table.bridge.action(all_spins(4))).log_softmax(0)
    (rung,) = pilot(table.bridge, [Independence(table.bridge)], 200, 0.9, generator())
    assert rung.t == 1 and rung.s == 1


def test_means_in_the_gibbs_state():
    bridge = gaussians()
    moves = moves_in_space(bridge)
    rungs = pilot(bridge, moves, 400, 0.8, generator(), least=4)
    top = climbed(bridge, moves, rungs, 100, 20)
    assert top.height == len(rungs) == len(top.conditional) and len(rungs) >= 4
    assert (top.conditional > 0.6).all() and 0 < top.acceptance[:-1].min() and top.acceptance[:-1].max() <= 1
    measure = {"x": lambda x: x[:, 0], "plane": lambda x: x.square()}
    _, series, acceptance = settled(top.populations, moves, rungs[-1], 4, measure, generator(3))
    assert series["plane"].means.shape == (5, 100, 2) and series["plane"].variances is None
    assert acceptance.shape == (2,) and 0 < acceptance.min()
    importance = Importance(top.populations.log_z)
    for name, exact in (("action", 1.0), ("x", 1.0), ("plane", 1.25)):
        found = importance.mean(series[name].means[1:].mean(0))
        assert agrees(found.mean, found.error, exact, samples=100) and found.error.max() < 0.1
    variances = series["action"].variances
    assert variances is not None and variances.mean().item() == pytest.approx(1.0, abs=0.2)


def test_what_sees_the_sample_before_it_sees_another_population():
    bridge = gaussians()
    here = Populations.drawn(bridge, 3, 4, generator())
    moves = [Independence(bridge)]
    number = torch.arange(12) // 4
    found = []

    def pairs(x):
        order = (x[:, None] == here.walkers.x).all(2).double().argmax(1)
        found.append(number[order])
        return x[:, 0]

    settled(here, moves, Rung(1.0, 1.0, (1.0,), (None,)), 1, {"pairs": pairs})
    assert (found[0] != found[0].roll(1)).all()


def test_a_climb_goes_on_from_any_rung():
    bridge = gaussians()
    moves = moves_in_space(bridge)
    rungs = pilot(bridge, moves, 300, 0.7, generator(), least=4)
    g = generator(2)
    stops, states = [], []
    for stop in climb(moves, rungs, at_the_foot(bridge, moves, 10, 8, g), 1, g):
        stops.append(stop)
        states.append(g.get_state())
    again = torch.Generator()
    again.set_state(states[1])
    *_, top = climb(moves, rungs, stops[1], 1, again)
    torch.testing.assert_close(top.populations.log_z, stops[-1].populations.log_z, rtol=0, atol=0)
    torch.testing.assert_close(top.populations.walkers.x, stops[-1].populations.walkers.x, rtol=0, atol=0)
    torch.testing.assert_close(top.acceptance, stops[-1].acceptance, rtol=0, atol=0, equal_nan=True)


def test_steps_are_as_long_as_the_weights_allow():
    bridge = gaussians(precision=100.0)
    moves = moves_in_space(bridge)
    fine, coarse = (pilot(bridge, moves, 400, threshold, generator()) for threshold in (0.9, 0.5))
    assert len(fine) > len(coarse) > 1
    for rungs, threshold in ((fine, 0.9), (coarse, 0.5)):
        assert all(a.t < b.t for a, b in pairwise(rungs)) and rungs[-1].t == 1
        conditional = climbed(bridge, moves, rungs, 50, 100).conditional
        assert (conditional - threshold).abs()[:-1].max() < 0.3


def test_steps_are_short_where_weights_have_long_tails():
    """From N(0, 1) to N(0, 4) in a plane: of ln w = 3 x^2 / 8 the index at t is 3 / (4 - 3 t)."""
    bridge = gaussians(0.25, 0.0)
    rungs = pilot(bridge, moves_in_space(bridge), 4000, 0.1, generator())
    for a, b in pairwise(rungs):
        index = 3 / (4 - 3 * a.t)
        assert index * (b.t - a.t) < 1.5 * THIN  # Hill's index of 400 walkers, and a plane
    wide = pilot(gaussians(1.1, 0.0), moves_in_space(bridge), 4000, 0.1, generator())
    assert len(rungs) > 10 > 2 > len(wide)


def weighted(log_w):
    walkers = Walkers(torch.zeros(len(log_w), 1), torch.zeros_like(log_w), -log_w)
    return Populations(walkers, torch.full((1, len(log_w)), -math.log(len(log_w))).double(), log_w[:1])


def test_the_index_of_a_tail():
    """ln w is exponential of mean k where w is Pareto's of index k."""
    for index in (0.3, 2.0):
        log_w = -index * torch.rand(20000, generator=generator(), dtype=torch.float64).log()
        assert agrees(tail(weighted(log_w)), index / math.sqrt(2000), index)
    assert tail(weighted(torch.zeros(20).double())) == THIN


def test_rounds_until_weights_are_forgotten():
    before, noise = normal(1, 4000), normal(2, 4000)
    for left, rounds in ((0.0, 1), (0.15, 1), (0.4, 2), (0.65, 4), (1.0, PATIENCE)):
        after = left * before + math.sqrt(1 - left**2) * noise
        assert patience(weighted(after), before, 0.1) == rounds
        assert patience(weighted(0.3 * after), 0.3 * before, 0.1) == 1  # as good as equal weights
        assert patience(weighted(after), before, 0.9) == 1  # hardly any step is left


def test_kernels_learn_the_shape_of_each_temperature():
    """Inside of wells: from N(0, 1), and its image, to N(m, 1 / 4) at two minima m far from each other."""
    wells = torch.tensor([[0.5, 0.0], [40.0, 0.0]], dtype=torch.float64)

    def action(x):
        return -(-2 * (x[:, None] - wells).square().sum(2)).logsumexp(1)

    def draw(n, g):
        fresh = gaussians().fresh(n, g)
        return fresh.x, fresh.log_q

    both = Imaged(Bridge(draw, log_normal, action), wells)
    moves = [KernelMove(both, Trajectories(both, 3))]
    shapes = [rung.shapes[0] for rung in pilot(both, moves, 1000, 0.7, generator(), 4, wells)]
    assert all(shape is not None and shape.diagonal().max() < 1.5 for shape in shapes)
    assert shapes[-1] is not None and len(shapes) > 3
    width = shapes[-1].diagonal()
    assert agrees(width, 0.5 / math.sqrt(2 * 200), 0.5)  # of more than 200 effective walkers
    rung = Rung(1.0, 1.0, (1.0,), (shapes[0],))
    rung.enter(moves)
    assert moves[0].kernel is not None and moves[0].kernel.shape is shapes[0]


def test_walkers_without_energy_have_no_weight():
    """Half of the density is where the energy is no number."""

    def draw(n, g):
        z = torch.randn(n, 1, generator=g, dtype=torch.float64)
        return z, -0.5 * (z.square().sum(1) + math.log(2 * math.pi))

    def action(x):
        return (0.5 * x.square().sum(1)).where(x[:, 0] > 0, torch.nan)

    bridge = Bridge(draw, lambda x: draw_log(x), action)
    moves = [Independence(bridge)]
    rungs = pilot(bridge, moves, 200, 0.8, generator(), least=3)
    top = climbed(bridge, moves, rungs, 200, 20)
    ratio = (top.populations.log_z - 0.5 * math.log(math.pi / 2)).exp()
    assert agrees(ratio.mean(), ratio.std() / math.sqrt(200), 1.0)
    assert (top.populations.walkers.x > 0).all()
    with pytest.raises(Diverged, match="no sample"):
        pilot(Bridge(draw, draw_log, lambda x: x[:, 0] * torch.nan), moves, 50, 0.8, generator())


def draw_log(x):
    return -0.5 * (x.square().sum(1) + math.log(2 * math.pi))


def test_combs_take_each_as_often_as_its_share_says():
    log_shares = normal(1, 500, 8).log_softmax(1)
    index = systematic(log_shares, generator())
    counts = torch.nn.functional.one_hot(index, 8).sum(1).double()
    wanted = 8 * log_shares.exp()
    assert ((counts - wanted).abs() < 1).all()
    off = counts - wanted
    assert agrees(off.mean(0), off.std(0) / math.sqrt(500), 0.0, samples=500)


def test_a_population_that_died_has_no_z():
    log_shares, total = normalised(torch.tensor([[0.0, 0.0], [-math.inf, -math.inf]], dtype=torch.float64))
    assert total[0] == pytest.approx(math.log(2)) and total[1] == -math.inf
    torch.testing.assert_close(log_shares.exp(), torch.full((2, 2), 0.5, dtype=torch.float64))
