r"""p(K | t) where each sample has a twist t of its own, drawn uniformly from the unit cell or from a grid.

A sample is the indices of K among the orbitals of its twist by rising energy, and the twist: one row of n +
dim numbers. ln p is that of K given the twist, so that the mean of F_loc is the average over twists of the
canonical free energies. An index means the same place in the Fermi sea at any twist.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from vfe_lightning.calculus.per_walker import per_walker_gradients
from vfe_lightning.declarations.twist import MonkhorstPack, Several
from vfe_lightning.exact.ideal_gas import conditional_logits, log_symmetric_polynomials
from vfe_lightning.generative.causal_transformer import CausalTransformer
from vfe_lightning.generative.model import GenerativeModel
from vfe_lightning.generative.occupation import FermiSea, drawn, log_prob_of
from vfe_lightning.hamiltonians.periodic_box import twisted


class TwistedOccupation(GenerativeModel):
    """The twists, what an index means at each, and the lowest orbitals of each: p(K | t) at T = 0.

    Args:
        grid: integer wave vectors by rising length, (orbitals, dim).
        twists: what they are drawn from.
        particles: of each spin; the orbitals of spin down are numbered after those of spin up.
    """

    grid: Tensor
    axis: Tensor | None

    def __init__(self, grid: Tensor, twists: Several, particles: tuple[int, ...]) -> None:
        super().__init__()
        self.particles = particles
        self.register_buffer("grid", grid, persistent=False)
        axis = torch.tensor(twists.axis).to(grid) if isinstance(twists, MonkhorstPack) else None
        self.register_buffer("axis", axis, persistent=False)
        first = torch.cat([spin * len(grid) + torch.arange(m) for spin, m in enumerate(particles)])
        self.sea = FermiSea(len(first), first)

    def draw_twists(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """(n_samples, dim), in 2 pi / L."""
        shape = n_samples, self.grid.shape[1]
        if self.axis is None:
            return (
                torch.rand(shape, generator=generator, dtype=self.grid.dtype, device=self.grid.device) - 0.5
            )
        return self.axis[torch.randint(len(self.axis), shape, generator=generator, device=self.grid.device)]

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Indices (batch, n), and the orbitals of the twist of each sample, (batch, orbitals, dim)."""
        occupied, twist = x.split([x.shape[1] - self.grid.shape[1], self.grid.shape[1]], dim=1)
        return occupied.long(), twisted(self.grid, twist)

    def wave_vectors(self, x: Tensor) -> Tensor:
        """The momenta of K in 2 pi / L: (batch, n + dim) -> (batch, n, dim)."""
        occupied, orbitals = self.parts(x)
        return orbitals.take_along_dim((occupied % len(self.grid))[..., None], dim=1)

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        twist = self.draw_twists(n_samples, generator)
        return torch.cat([self.sea.sample(n_samples).to(twist), twist], dim=1)

    def log_prob(self, x: Tensor) -> Tensor:
        return self.sea.log_prob(self.parts(x)[0])

    def scores(self, x: Tensor) -> Tensor:
        return self.sea.scores(x)


class ThermalTwistedOccupation(TwistedOccupation):
    """The canonical ideal gas of each twist, dressed, times a causal transformer.

    The transformer sees the momenta of the orbitals, by the cosines and sines of which it knows the twist;
    these alone are its first token, so that the first orbital, too, depends on the twist. The dispersion,
    where it is trained, is a function of |k|, linear between knots, one for each spin.

    Args:
        slope: of the weights -slope k^2 of the ideal gas.
        spacing: of the knots; None: the dispersion is not trained.
        network: see `features`; None for none.
    """

    def __init__(
        self,
        grid: Tensor,
        twists: Several,
        particles: tuple[int, ...],
        slope: float,
        spacing: float | None,
        network: CausalTransformer | None,
    ) -> None:
        super().__init__(grid, twists, particles)
        self.slope, self.spacing, self.network = slope, spacing, network
        longest = float(grid.square().sum(dim=1).max()) ** 0.5 + grid.shape[1] ** 0.5 / 2
        knots = 0 if spacing is None else math.floor(longest / spacing) + 2
        self.shift = nn.Parameter(grid.new_zeros(len(particles), knots)) if knots else None

    @staticmethod
    def features(dim: int, spins: int) -> int:
        """Of a token: momentum, cosines and sines, and the spin where there are two."""
        return 3 * dim + (spins > 1)

    def log_z(self, x: Tensor) -> Tensor:
        """Of the ideal gas of each twist, all spins together: (batch, n + dim) -> (batch,)."""
        w = -self.slope * self.parts(x)[1].square().sum(dim=2)
        return sum((log_symmetric_polynomials(w, m)[:, m, 0] for m in self.particles), w.new_zeros(len(w)))

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        twist = self.draw_twists(n_samples, generator)
        orbitals = twisted(self.grid, twist)
        logits = self._logits(orbitals).unbind(dim=1)
        occupied = drawn(
            logits,
            n_samples,
            self.network,
            lambda chosen: self._token(orbitals, chosen)[:, 0],
            self._token(orbitals, None),
            generator,
        )
        return torch.cat([occupied.to(twist), twist], dim=1)

    def log_prob(self, x: Tensor) -> Tensor:
        occupied, orbitals = self.parts(x)
        logits = self._logits(orbitals)
        if self.network is not None:
            first = self._token(orbitals, None)[:, None]
            logits = logits + self.network(torch.cat([first, self._token(orbitals, occupied)], dim=1))
        return log_prob_of(occupied, logits)

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """d ln p / d parameters, in the order of `parameters()`: (batch, n + dim) -> (batch, parameters)."""
        with torch.enable_grad():
            return per_walker_gradients(
                self, lambda model, x: (model.log_prob(x),), [x], lambda log_p: [(torch.ones_like(log_p),)]
            )[0]

    def _logits(self, orbitals: Tensor) -> Tensor:
        """Of the dressed ideal gas, before the mask of earlier indices: (batch, n, spins orbitals)."""
        spins, size = len(self.particles), orbitals.shape[1]
        squares = orbitals.square().sum(dim=2)
        w = (-self.slope * squares)[:, None].expand(-1, spins, -1)
        if self.shift is not None and self.spacing is not None:
            place = squares.sqrt() / self.spacing
            knot = place.floor().clamp(max=self.shift.shape[-1] - 2)
            share = (place - knot)[:, None]
            low = knot.long()[:, None].expand_as(w)
            shift = self.shift.expand(len(w), -1, -1)  # which may have a leading walker axis already
            w = w + (1 - share) * shift.gather(2, low) + share * shift.gather(2, low + 1)
        blocks = [
            pad(conditional_logits(w[:, s], m), (s * size, (spins - 1 - s) * size), value=-torch.inf)
            for s, m in enumerate(self.particles)
        ]
        return torch.cat(blocks, dim=1)

    def _token(self, orbitals: Tensor, chosen: Tensor | None) -> Tensor:
        """What the network sees, (batch, n, features), or of nothing chosen the twist: (batch, features)."""
        size = len(self.grid)
        if chosen is None:
            k = orbitals[:, 0]
            momentum, spin = torch.zeros_like(k), torch.zeros_like(k[..., :1])
        else:
            k = momentum = orbitals.take_along_dim((chosen % size)[..., None], dim=1)
            spin = torch.where(chosen < size, 1.0, -1.0).to(k)[..., None]
        angle = 2 * math.pi * k
        seen = [momentum, angle.cos(), angle.sin(), *([spin] if len(self.particles) > 1 else [])]
        return torch.cat(seen, dim=-1)
