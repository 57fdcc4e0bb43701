r"""Forces of three bodies among protons at rest, as correlations of electrons at protons have them.

$$ v_i = \sum_k \sum_I \Big[ \alpha_k(\rho_{iI}, t) \, y_{iI} \Big( \sum_J \nu_k(\rho_{iJ}, t)
   + \sum_{j \ne i} \beta_k(\rho_{jI}, t) \Big)
   + \gamma_k(\rho_{iI}, t) \sum_{j \ne i} \delta_k(\rho_{jI}, t) \, y_{jI} \Big] $$

with beta and delta of equal and of opposite spins: what an electron has of two protons at once, away from a
proton where another one is, and away from the side of it where that is. Each is a function of one electron
times a sum over the others, so that the divergence needs no mixed derivatives.
"""

from typing import Any

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.periodic_forces import Distances, distances
from vfe_lightning.bijectors.radial_functions import RadialFunctions, ended, enough
from vfe_lightning.calculus.coupled_points import Points, at_points, coupled
from vfe_lightning.calculus.forward_laplacian import Field, joined, less, mapped
from vfe_lightning.calculus.local_jet import local_coordinates


class ThreeBodyForces(nn.Module):
    """On n_up + n_down electrons among protons; count is how many k there are. At first they are zero."""

    each: Tensor  # (n, n N): one where the electron belongs to the pair of electron and proton
    others: Tensor  # (kinds, n, n): one where two electrons have equal spins, and opposite ones

    def __init__(
        self,
        count: int,
        n_up: int,
        n_down: int,
        protons: int,
        length: float,
        width: int,
        softness: float,
        reach: float,
    ) -> None:
        super().__init__()
        self.count, self.protons, self.length = count, protons, length
        self.softness, self.reach = softness, reach
        one, up = torch.eye(n_up + n_down, dtype=torch.float64), torch.arange(n_up + n_down) < n_up
        equal = (up[:, None] == up).to(one)
        kinds = [equal - one, 1 - equal] if n_up and n_down else [equal - one]
        self.register_buffer("each", one.repeat_interleave(protons, dim=1), persistent=False)
        self.register_buffer("others", torch.stack(kinds), persistent=False)
        self.pulls = RadialFunctions(2 * count, width)
        self.seen = RadialFunctions((1 + 2 * len(kinds)) * count, width, start=1.0)

    def forces(self, x: Field, t: float, places: Tensor) -> tuple[Field, Field]:
        """v (batch, 3, n) and the divergence of each electron (batch, n) at x (batch, 3, n).

        Args:
            places: of the proton in each pair of electron and proton, (batch, 3, n N).
        """
        at = Points.of(x)
        alone: Any = x if isinstance(x, Tensor) else local_coordinates(x.value)
        near: Distances[Any] = distances(less(alone @ self.each, places), self.length, self.softness)
        many = len(self.others) * self.count
        (alpha, of_alpha), (gamma, of_gamma) = self._functions(self.pulls, near, t, [self.count] * 2)
        (nu, of_nu), (beta, _), (delta, _) = self._functions(self.seen, near, t, [self.count, many, many])

        y = near.y.unsqueeze(-2)
        pull = y * alpha.unsqueeze(-3)  # (batch, 3, k, n N)
        spread = alpha * near.cosines.unsqueeze(-2) + of_alpha * near.radial.unsqueeze(-2)
        turn = y * (of_nu * near.inverse.unsqueeze(-2)).unsqueeze(-3)
        v, divergence = (at_points(f, at) for f in self._by_protons(pull, spread, nu, turn))
        both = joined([pull, spread.unsqueeze(-3)], -3)
        push, more = self._by_others(both, beta, at).split(3, -2)
        aside = []
        for along in near.y.split(1, -2):
            both = joined(
                [f.unsqueeze(-3) for f in (gamma, of_gamma * near.inverse.unsqueeze(-2) * along)], -3
            )
            there, also = self._by_others(both, delta * along, at).split(1, -2)
            aside, more = [*aside, there], more + also
        return v + push + joined(aside, -2), divergence + more.sum(-2)

    def _by_protons(self, pull: Any, spread: Any, nu: Any, turn: Any) -> tuple[Any, Any]:
        """By two protons, (batch, 3, n), and its divergence (batch, n)."""
        pull, spread, nu, turn = (
            f.unflatten(-1, (-1, self.protons)).sum(-1) for f in (pull, spread, nu, turn)
        )
        divergence = (spread * nu).sum(-2) + (pull * turn).sum(-3).sum(-2)
        return (pull * nu.unsqueeze(-3)).sum(-2), divergence

    def _by_others(self, a: Any, b: Any, at: Points | None) -> Any:
        """a (batch, f, k, n N) of an electron times b (batch, kinds k, n N) of the others: (batch, f, n)."""
        b = b.unflatten(-2, (len(self.others), self.count))
        return coupled(mapped(a, self._at_protons), mapped(b, self._at_protons), self.others, at)

    def _at_protons(self, pairs: Tensor) -> Tensor:
        """(..., k, n N) -> (..., k N, n)."""
        return pairs.unflatten(-1, (-1, self.protons)).mT.flatten(-3, -2)

    def _functions(
        self, functions: RadialFunctions, near: Distances[Any], t: float, counts: list[int]
    ) -> list[tuple[Any, Any]]:
        """Each and its slope, (batch, count, n N)."""
        parts = zip(*(u.split(counts, -2) for u in enough(functions, near.rho, t)), strict=True)
        return [ended(near.rho.unsqueeze(-2), list(part), self.reach) for part in parts]
