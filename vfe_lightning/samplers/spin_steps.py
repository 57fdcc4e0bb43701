r"""Heat baths and clusters of Ising spins and of colours in exp(-s beta H).

$$ p(x_i = v | x) = \frac{e^{-s \beta H_i(v)}}{\sum_u e^{-s \beta H_i(u)}}, \qquad
   p_{open} = 1 - e^{-s \Delta_{ij}} \; \text{ of equal neighbours} $$

with what a bond of equal ones gains, Delta = 2 beta J of spins and beta J of colours. Sites of one set, which
have no bonds with each other, go at once; sets come in an order and back, so that together they have detailed
balance, whatever the order that all walkers share. Swendsen & Wang, PRL 58, 86 (1987).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from vfe_lightning.samplers.bridge import Bridge
from vfe_lightning.samplers.bridge_moves import Kernel, Sizes

SWEEPS = 2  # of all sets one way, at most

Logits = Callable[[Tensor, Tensor], Tensor]


class HeatBath(Kernel):
    """Its size is the number of turns one way.

    Args:
        linked: which sites have bonds with each other, (sites, sites) of bool.
        logits: x (walkers, sites) and some sites (chosen,) -> -beta H of each value of those, up to what it
            does not depend on, (values, walkers, chosen).
        values: of a site, (values,).
    """

    def __init__(self, bridge: Bridge, linked: Tensor, logits: Logits, values: Tensor) -> None:
        self.bridge, self.logits, self.values = bridge, logits, values
        self.sets = independent_sets(linked)
        self.sizes = Sizes(float(len(self.sets)), 1.0, float(SWEEPS * len(self.sets)), 0.5)

    def step(
        self, x: Tensor, action: Tensor, s: float, size: float, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        turns = torch.randint(len(self.sets), (round(size),), generator=generator, device=x.device)
        there = turns.tolist()
        for turn in [*there, *there[-2::-1]]:
            sites = self.sets[turn]
            below = (s * self.logits(x, sites)).softmax(dim=0).cumsum(dim=0)[:-1]
            chance = torch.rand(below.shape[1:], generator=generator, dtype=x.dtype, device=x.device)
            x = x.index_copy(1, sites, self.values[(chance >= below).sum(dim=0)])
        return x, self.bridge.action(x), torch.ones_like(action)


class Clusters(Kernel):
    """Swendsen and Wang's, where all bonds want equal neighbours and no site has a field.

    Args:
        bonds: pairs of sites, (bonds, 2).
        gains: beta H of unequal neighbours less that of equal ones, positive, (bonds,).
        values: of a site, (values,).
    """

    def __init__(self, bridge: Bridge, bonds: Tensor, gains: Tensor, values: Tensor) -> None:
        self.bridge, self.bonds, self.gains, self.values = bridge, bonds, gains, values

    def step(
        self, x: Tensor, action: Tensor, s: float, size: float, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        x = self.turned(x, s, generator)
        return x, self.bridge.action(x), torch.ones_like(action)

    def turned(self, x: Tensor, s: float, generator: torch.Generator | None) -> Tensor:
        """Every cluster with a value of its own: (walkers, sites) -> (walkers, sites)."""
        one, other = x[:, self.bonds[:, 0]], x[:, self.bonds[:, 1]]
        chance = torch.rand(one.shape, generator=generator, dtype=x.dtype, device=x.device)
        labels = clusters(self.bonds, (one == other) & (chance < -torch.expm1(-s * self.gains)), x.shape[1])
        drawn = torch.randint(len(self.values), x.shape, generator=generator, device=x.device)
        return self.values[drawn.gather(1, labels)]


def clusters(bonds: Tensor, open_: Tensor, sites: int) -> Tensor:
    """The first site of each site's cluster: (bonds, 2), (walkers, bonds) of bool -> (walkers, sites)."""
    labels = torch.arange(sites, device=bonds.device).expand(len(open_), sites)
    while True:
        ends = labels[:, bonds[:, 0]], labels[:, bonds[:, 1]]
        least = torch.minimum(*ends)
        joined = labels
        for end in ends:
            joined = joined.scatter_reduce(1, end, torch.where(open_, least, end), "amin")
        joined = joined.gather(1, joined)
        if torch.equal(joined, labels):
            return labels
        labels = joined


def independent_sets(linked: Tensor) -> list[Tensor]:
    """Sites in as few sets without bonds inside as a first attempt finds: (sites, sites) of bool."""
    rows, colours = linked.cpu().tolist(), []
    for site, row in enumerate(rows):
        taken = {colours[other] for other in range(site) if row[other]}
        colours.append(next(c for c in range(site + 1) if c not in taken))
    of = torch.tensor(colours, device=linked.device)
    return [(of == colour).nonzero()[:, 0] for colour in range(max(colours) + 1)]
