"""Hybrid Monte Carlo in exp(-s beta H), in coordinates that are stretched to the covariance of walkers.

Duane, Kennedy, Pendleton & Roweth, Phys. Lett. B 195, 216 (1987); a stretch of space is a matrix of masses:
Neal, Handbook of Markov chain Monte Carlo, section 5.4.1 (2011).
"""

import torch
from torch import Tensor

from vfe_lightning.samplers.bridge import Bridge
from vfe_lightning.samplers.bridge_moves import Kernel, Sizes, chance, coin
from vfe_lightning.samplers.hmc import leapfrog, step_factors

OWN = 1e-3  # share of the variances alone in the covariance
MANY = 4  # walkers for each coordinate, from which on covariances are known


class Trajectories(Kernel):
    """One trajectory; its size is that of a leapfrog step in widths of the walkers."""

    sizes = Sizes(0.2, 1e-6, 2.0, 0.7)

    def __init__(self, bridge: Bridge, leapfrog_steps: int = 8) -> None:
        self.bridge, self.leapfrog_steps = bridge, leapfrog_steps

    def fit(self, x: Tensor, shares: Tensor) -> None:
        flat = x.flatten(1)
        away = flat - shares @ flat
        covariance = away.mT @ (shares[:, None] * away)
        own = covariance.diagonal().diag()
        known = 1 / shares.square().sum() >= MANY * flat.shape[1] > MANY
        self.shape = torch.linalg.cholesky((1 - OWN) * covariance + OWN * own if known else own)

    def step(
        self, x: Tensor, action: Tensor, s: float, size: float, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        stretch = self.shape  # (coordinates, coordinates)
        assert stretch is not None, "trajectories want the shape of space first"

        def place(u: Tensor) -> Tensor:
            return x + (u @ stretch.mT).view_as(x)

        def slope(u: Tensor) -> Tensor:
            return s * (self.bridge.gradient(place(u)).flatten(1) @ stretch)

        u = torch.zeros_like(x).flatten(1)
        momentum = torch.randn(u.shape, generator=generator, dtype=u.dtype, device=u.device)
        h = size * step_factors(u, generator)
        v, q, _ = leapfrog(slope, u, momentum, slope(u), h, self.leapfrog_steps)
        y = place(v)
        proposed = self.bridge.action(y)
        change = s * (proposed - action) + 0.5 * (q.square() - momentum.square()).sum(dim=1)
        probability = chance(-change)
        accept = coin(probability, generator)
        everywhere = accept.reshape(-1, *[1] * (x.ndim - 1))
        return torch.where(everywhere, y, x), torch.where(accept, proposed, action), probability
