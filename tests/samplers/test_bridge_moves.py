"""Moves leave every density on the way as it is: of spins and colours by all configurations."""

import math
from functools import partial

import pytest
import torch
from judging import agrees, follows
from noise import normal
from spins import all_spins, random_couplings

from vfe_lightning.exact.enumeration import energies
from vfe_lightning.generative.reparameterized import log_normal
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.ising_dual import IsingDual
from vfe_lightning.hamiltonians.potts import Potts
from vfe_lightning.hamiltonians.spins import PairwiseSpins
from vfe_lightning.samplers.bridge import Bridge, Walkers
from vfe_lightning.samplers.bridge_moves import Independence, Jumps, KernelMove, Nearby
from vfe_lightning.samplers.images import Imaged
from vfe_lightning.samplers.spin_steps import HeatBath, clusters, independent_sets
from vfe_lightning.samplers.stretched_trajectories import Trajectories
from vfe_lightning.systems.field_clusters import FieldClusters
from vfe_lightning.systems.spin_kernels import ising_kernels, potts_kernels

SAMPLES, BETA, Q = 20000, 0.7, 3


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def colours(sites: int) -> torch.Tensor:
    return torch.cartesian_prod(*[torch.arange(Q)] * sites).double()


class Table:
    """A density of few configurations by a table, and its way to the Gibbs state."""

    def __init__(self, x, energy, base, seed=0):
        self.x, self.base = x, base
        self.table = normal(seed, len(x)).log_softmax(0)
        self.bridge = Bridge(self.draw, lambda y: self.table[self.index(y)], lambda y: BETA * energy(y))

    def index(self, y):
        digits = (y + 1) / 2 if self.base == 2 else y
        powers = self.base ** torch.arange(y.shape[1])
        return (digits.long() * (powers if self.base == 2 else powers.flip(0))).sum(1)

    def draw(self, n, g):
        index = torch.multinomial(self.table.exp(), n, replacement=True, generator=g)
        return self.x[index], self.table[index]

    def probabilities(self, t):
        return ((1 - t) * self.table - t * self.bridge.action(self.x)).softmax(0)

    def walkers(self, t):
        index = torch.multinomial(self.probabilities(t), SAMPLES, replacement=True, generator=generator())
        x = self.x[index]
        return Walkers(x, self.table[index], self.bridge.action(x))

    def holds(self, move, t, s, size=3.0):
        moved, taken = move(self.walkers(t), t, s, size, generator(2))
        counts = torch.bincount(self.index(moved.x), minlength=len(self.x))
        assert follows(counts, SAMPLES * self.probabilities(t))
        assert 0 < taken.mean() <= 1 and (moved.x != self.walkers(t).x).any()
        torch.testing.assert_close(moved.action, self.bridge.action(moved.x))


def glass():
    h = PairwiseSpins(random_couplings(4, scale=0.5), normal(3, 4))
    return Table(all_spins(4), h.energy, 2), partial(ising_kernels, h, BETA)


def ferromagnet():
    h = PairwiseSpins(random_couplings(4).abs())
    return Table(all_spins(4), h.energy, 2), partial(ising_kernels, h, BETA)


def potts():
    h = Potts(lattices.bonds(2, lattices.SQUARE), 0.6)
    return Table(colours(4), h.energy, Q), partial(potts_kernels, h, Q, 4, BETA)


@pytest.mark.parametrize("t", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("system", [glass, ferromagnet, potts])
def test_steps_of_spins_leave_the_density_as_it_is(system, t):
    table, kernels = system()
    found = kernels(table.bridge)
    assert len(found) == (1 if system is glass else 2)
    for kernel in found:
        for s in {t, 0.8} if t < 1 else {1.0}:
            table.holds(KernelMove(table.bridge, kernel), t, s)


@pytest.mark.parametrize("t", [0.0, 0.5, 1.0])
def test_fresh_samples_leave_the_density_as_it_is(t):
    table, _ = glass()
    table.holds(Independence(table.bridge), t, 1.0)


def test_sets_have_no_bonds_inside_and_all_sites():
    linked = lattices.couplings(lattices.bonds(4, lattices.TRIANGULAR), 1.0, 16) != 0
    sets = independent_sets(linked)
    assert sorted(torch.cat(sets).tolist()) == list(range(16))
    assert not any(linked[sites][:, sites].any() for sites in sets)
    assert len(independent_sets(lattices.couplings(lattices.bonds(4, lattices.SQUARE), 1.0, 16) != 0)) == 2


def test_clusters_are_what_open_bonds_join():
    bonds = torch.tensor([[0, 1], [1, 2], [3, 4], [2, 5]])
    open_ = torch.tensor([[1, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]]).bool()
    expected = [[0, 0, 0, 3, 4, 0], [0, 1, 2, 3, 3, 5], [0, 1, 2, 3, 4, 5]]
    assert clusters(bonds, open_, 6).tolist() == expected


def gaussians(precision=4.0, mean=1.0):
    """From N(0, 1) to a narrower and shifted one: normal all along the way."""

    def draw(n, g):
        z = torch.randn(n, 2, generator=g, dtype=torch.float64)
        return z, log_normal(z)

    def action(x):
        return 0.5 * precision * (x - mean).square().sum(dim=1)

    def near(x, step, g):
        noise = torch.randn(x.shape, generator=g, dtype=x.dtype)
        y = (1 - step.square()).sqrt()[:, None] * x + step[:, None] * noise
        return y, log_normal(y)

    return Bridge(draw, log_normal, action, lambda x: precision * (x - mean), near)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", ["trajectories", "independence", "nearby", "jumps"])
def test_moves_in_space_leave_the_density_as_it_is(kind, t):
    bridge = gaussians()
    kernel = Trajectories(bridge, 3)
    kernel.fit(normal(7, 100, 2), torch.full((100,), 0.01, dtype=torch.float64))
    wells = torch.tensor([[0.0, 0.0], [0.5, 0.2]], dtype=torch.float64)
    move = {
        "trajectories": KernelMove(bridge, kernel),
        "independence": Independence(bridge),
        "nearby": Nearby(bridge),
        "jumps": Jumps(bridge, wells),
    }[kind]
    precision = (1 - t) + 4.0 * t
    centre, width = 4.0 * t / precision, 1 / math.sqrt(precision)
    x = centre + width * normal(3, SAMPLES, 2)
    before = Walkers(x, log_normal(x), bridge.action(x))
    walkers, g = before, generator()
    for _ in range(3):
        walkers, taken = move(walkers, t, 0.5 + 0.5 * t, 0.5, g)
        assert 0.01 < taken.mean() <= 1 + 1e-12
    z = (walkers.x - centre) / width
    assert (walkers.x != before.x).any(1).double().mean() > 0.1
    for values, exact, spread in (
        (z, 0.0, 1.0),
        (z.square(), 1.0, math.sqrt(2)),
        (z[:, :1] * z[:, 1:], 0.0, 1.0),
    ):
        assert agrees(values.mean(0), spread / math.sqrt(SAMPLES), exact)


def test_a_stretch_is_the_covariance():
    """Of weighted walkers."""
    kernel = Trajectories(gaussians())
    x = normal(1, 4000, 2) @ torch.tensor([[1.0, 0.0], [3.0, 0.1]], dtype=torch.float64)
    shares = (0.3 * normal(2, 4000)).softmax(0)
    kernel.fit(x, shares)
    assert kernel.shape is not None
    covariance = x.mT.cov(aweights=shares, correction=0)
    torch.testing.assert_close(kernel.shape @ kernel.shape.mT, covariance, rtol=2e-3, atol=0.02)
    few = torch.where(torch.arange(4000) < 4, 0.25, 0.0).double()  # too few for covariances
    kernel.fit(x, few)
    torch.testing.assert_close(kernel.shape, x[:4].std(0, correction=0).diag())


def test_jumps_are_in_balance_in_the_gibbs_state_alone():
    """Of a single well, whose halves hold equally many; not where one half is empty."""
    bridge = gaussians(1.0, 0.0)
    jumps = Jumps(bridge, torch.tensor([[-1.0, 0.0], [1.0, 0.0]], dtype=torch.float64))
    x = normal(1, SAMPLES, 2)
    flow = jumps.flow(Walkers(x, log_normal(x), bridge.action(x)))
    assert agrees(flow.mean(0), flow.std(0) / math.sqrt(SAMPLES), 0.0)
    left = Walkers(-x.abs(), log_normal(x), bridge.action(x))
    assert (jumps.flow(left).mean(0) @ torch.tensor([-1.0, 1.0]).double()) > 0.1


def test_a_density_with_images_is_normalised_and_sampled():
    minima = torch.tensor([[0.0, 0.0], [4.0, 1.0], [0.0, 6.0]], dtype=torch.float64)
    imaged = Imaged(gaussians(), minima)
    walkers = imaged.fresh(SAMPLES, generator())
    torch.testing.assert_close(walkers.log_q, imaged.log_q(walkers.x))
    broad = 8.0 * normal(5, 20 * SAMPLES, 2)
    weights = (imaged.log_q(broad) - log_normal(broad / 8.0) + 2 * math.log(8.0)).exp()
    assert agrees(weights.mean(), weights.std() / math.sqrt(len(broad)), 1.0)
    near = ((walkers.x - minima[1]).norm(dim=1) < 1).double()
    inside = ((broad - minima[1]).norm(dim=1) < 1) * weights
    error = math.hypot(near.std() / math.sqrt(SAMPLES), inside.std() / math.sqrt(len(broad)))
    assert near.mean() > 0.01 and agrees(near.mean(), error, inside.mean())


def test_clusters_of_a_field_leave_it_as_it_is():
    """Fields of all spins of a 3 x 3 lattice, drawn exactly, before and after."""
    L, beta = 3, 0.3
    h = IsingDual(L, beta)
    J = lattices.couplings(lattices.bonds(L, lattices.SQUARE), 1.0, L * L)
    chance = (-beta * energies(PairwiseSpins(J).energy, L * L)).softmax(0)
    index = torch.multinomial(chance, SAMPLES, replacement=True, generator=generator())
    s = all_spins(L * L)[index].view(-1, L, L)
    noise = normal(4, SAMPLES, L, L)
    x = torch.fft.ifft2(h.spectrum * torch.fft.fft2(s) + h.spectrum.sqrt() * torch.fft.fft2(noise)).real
    bridge = Bridge(lambda n, g: (x[:n], x[:n, 0, 0]), lambda y: y[:, 0, 0], h.energy, h.gradient)
    y, action, _ = FieldClusters(bridge, h).step(x, h.energy(x), 1.0, 1.0, generator())
    torch.testing.assert_close(action, h.energy(y))
    assert (y * x).mean() < 0.5 * x.square().mean()  # they have moved
    for f in (h.energy, lambda y: y.sum((1, 2)).square(), lambda y: (y * y.roll(1, 1)).mean((1, 2))):
        error = math.hypot(f(x).std(), f(y).std()) / math.sqrt(SAMPLES)
        assert agrees(f(y).mean(), error, f(x).mean())


def test_the_number_of_turns_is_the_size():
    table, kernels = glass()
    bath = kernels(table.bridge)[0]
    assert isinstance(bath, HeatBath)
    x = table.walkers(1.0).x[:50]
    once, _, _ = bath.step(x, table.bridge.action(x), 1.0, 1.0, generator())
    assert ((once != x).sum(1) <= 1).all()  # all couplings are there: one site at a time
