r"""Hierarchical autoregressive network of Ising spins on a torus.

Spins with bonds to nearest neighbours are independent on both sides of a closed line of given spins. First
the lines that bound the torus are drawn, then the cross that quarters the square inside them, then those of
the four squares, which share one network: L^2 spins in some 8 L steps. What is left, squares of 3 x 3
spins, is in its Gibbs state exactly. Bialas, Korcyl & Stebel, Comput. Phys. Commun. 281, 108502 (2022).
"""

import math
from typing import cast

import torch
from torch import Tensor, nn

from vfe_lightning.generative.conditional_spins import ConditionalSpins
from vfe_lightning.generative.ising_block import IsingBlock
from vfe_lightning.generative.model import GenerativeModel
from vfe_lightning.generative.regions import Offset, sizes, squares


class Hierarchical(GenerativeModel):
    """Spins +-1 on the square or the triangular torus; p(-s) = p(s).

    Args:
        L: rows and columns, a power of two from 4 on.
        steps: (rows, columns) from a site to the neighbours that come after it.
        J: coupling of neighbours.
        beta: inverse temperature of the innermost squares; it may be changed at any time.
        depth, width: of the networks, see `ConditionalSpins`.
    """

    def __init__(
        self, L: int, steps: tuple[Offset, ...], J: float, beta: float, depth: int, width: int
    ) -> None:
        super().__init__()
        self.L, self.beta = L, beta
        line = torch.arange(1, L)
        given, drawn = [torch.zeros(1, 1, dtype=torch.long)], [torch.cat([line, line * L])[:, None]]
        *larger, smallest = [squares(L, M, steps) for M in sizes(L)]
        for level in larger:
            # The lines that bound the torus are each other's images: every spin counts once.
            given.append(torch.unique(level.sites(level.rim, L), dim=0))
            drawn.append(level.sites(level.cross, L))
        self.block = IsingBlock(J, steps)
        self.levels = nn.ModuleList(
            ConditionalSpins(len(g), len(d), depth, width) for g, d in zip(given, drawn, strict=True)
        )
        given.append(smallest.sites(self.block.rim, L))
        drawn.append(smallest.sites(self.block.sites, L))
        # A buffer each, so that they follow the model to its device: (spins, squares).
        for name, sites in (("given", given), ("drawn", drawn)):
            for i, value in enumerate(sites):
                self.register_buffer(f"{name}_{i}", value, persistent=False)

    def _sites(self, level: int) -> tuple[Tensor, Tensor]:
        return self.get_buffer(f"given_{level}"), self.get_buffer(f"drawn_{level}")

    def anneal(self, beta: float) -> None:
        self.beta = beta

    def log_prob(self, x: Tensor) -> Tensor:
        log_p = x.new_full((len(x),), -math.log(2))  # of the first spin
        for i, level in enumerate(self.levels):
            given, drawn = self._spins(x, i)
            log_p = log_p + level(given.flatten(1), drawn.flatten(1)).view(-1, len(x)).sum(dim=0)
        rim, inner = (s.flatten(1) for s in self._spins(x, len(self.levels)))
        return log_p + self.block.log_prob(rim, inner, self.beta).view(-1, len(x)).sum(dim=0)

    def _spins(self, x: Tensor, level: int) -> tuple[Tensor, Tensor]:
        """What a level is given and what it draws: (batch, L^2) -> (spins, squares, batch)."""
        given, drawn = self._sites(level)
        return x.mT[given], x.mT[drawn]

    def scores(self, x: Tensor) -> Tensor:
        """d ln p / d parameters, in the order of `parameters()`: (batch, L^2) -> (batch, parameters)."""
        with torch.inference_mode(False):
            x, columns = x.clone(), []
            for i, level in enumerate(self.levels):

                def log_p(values: dict[str, Tensor], *spins: Tensor, level: nn.Module = level) -> Tensor:
                    return torch.func.functional_call(level, values, spins).sum()

                parameters = {name: p.detach() for name, p in level.named_parameters()}
                rows = torch.func.vmap(torch.func.grad(log_p), (None, 2, 2))(parameters, *self._spins(x, i))
                columns += [row.flatten(1) for row in rows.values()]
        return torch.cat(columns, dim=1)

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent samples: (n_samples, L^2)."""
        s = torch.empty(self.L**2, n_samples, dtype=torch.float64, device=self.block.states.device)
        s[0] = 2.0 * torch.randint(2, (n_samples,), generator=generator, device=s.device) - 1
        for i, level in enumerate(self.levels):
            given, drawn = self._sites(i)
            new = cast(ConditionalSpins, level).sample(s[given].flatten(1), generator)
            s[drawn] = new.view(*drawn.shape, n_samples)
        rim, inner = self._sites(len(self.levels))
        new = self.block.sample(s[rim].flatten(1), self.beta, generator)
        s[inner] = new.view(*inner.shape, n_samples)
        return s.mT
