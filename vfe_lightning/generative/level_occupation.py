r"""Occupied levels of electrons at given protons: the canonical ideal gas of each geometry, dressed.

p(K|S) of sorted K_up and K_down has the weights w_k = -beta a (e_k(S) - mu(S)) + c_k of the levels e(S) by
rank, mu between the highest occupied and the lowest empty one at T = 0: a scale a and the offsets c are
trained, the same of both spins. Without them it is exact for independent electrons at each S.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from vfe_lightning.calculus.per_walker import per_walker_gradients
from vfe_lightning.exact.ideal_gas import conditional_logits
from vfe_lightning.generative.occupation import drawn, log_prob_of


class LevelOccupation(nn.Module):
    """Of n_up and n_down electrons in `levels` levels each; those of spin down are numbered after spin up.

    Levels are (batch, levels) by rising energy, in units of 1 / beta; K is (batch, n_up + n_down).
    """

    def __init__(self, n_up: int, n_down: int, levels: int, beta: float) -> None:
        super().__init__()
        self.particles, self.beta = [n for n in (n_up, n_down) if n], beta
        self.log_scale = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.offset = nn.Parameter(torch.zeros(levels, dtype=torch.float64))

    def logits(self, levels: Tensor) -> Tensor:
        """Of each index, before the mask of earlier ones: (batch, n, spins levels)."""
        parts = []
        for spin, n in enumerate(self.particles):
            fermi = levels[:, n - 1 : n + 1].mean(1, keepdim=True)
            scale = self.log_scale.exp()[..., None]
            w = -self.beta * scale * (levels - fermi) + self.offset
            before, after = spin * levels.shape[1], (len(self.particles) - 1 - spin) * levels.shape[1]
            parts.append(pad(conditional_logits(w, n), (before, after), value=-torch.inf))
        return torch.cat(parts, dim=1)

    @torch.no_grad()
    def sample(self, levels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One K of each geometry."""
        return drawn(self.logits(levels).unbind(1), len(levels), None, lambda k: k, None, generator)

    def log_prob(self, levels: Tensor, occupied: Tensor) -> Tensor:
        """ln p(K|S), (batch,)."""
        return log_prob_of(occupied, self.logits(levels))

    def scores(self, levels: Tensor, occupied: Tensor) -> Tensor:
        """d ln p(K|S) / d parameters, in the order of `parameters()`: (batch, 1 + levels)."""

        def log_prob(model: LevelOccupation, levels: Tensor, occupied: Tensor) -> tuple[Tensor]:
            return (model.log_prob(levels, occupied),)

        (found,) = per_walker_gradients(self, log_prob, [levels, occupied], lambda p: [(torch.ones_like(p),)])
        return found
