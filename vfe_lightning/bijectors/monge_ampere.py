r"""Monge-Ampere flow of a lattice field: along the slope of a potential u, with its exact determinant.

$$ \frac{dx}{dt} = \nabla u(x), \quad \frac{d \ln p}{dt} = - \nabla^2 u(x), \quad
   u = \sum_{i c} a_c \ln \cosh (K_c * x)_i $$

Zhang, E & Wang, arXiv 1809.10188. The potential is a convolution, so that it has the translations of the
torus at every moment; it is even in x, and the flow odd, where ln cosh has no bias. In closed form:

$$ \nabla u = \sum_c K_c^T * a_c \tanh (K_c * x), \quad
   \nabla^2 u = \sum_c a_c |K_c|^2 \sum_i \cosh^{-2} (K_c * x)_i. $$

Runge-Kutta leaves errors of the order of steps^-4 in x and in ln p. A steep potential could gain free energy
from them, so that some samples of each batch are taken back along the flow.
"""

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.bijectors.checkerboard import neighbours
from vfe_lightning.calculus.runge_kutta import State, integrate
from vfe_lightning.declarations.lattice_fields import MongeAmpere
from vfe_lightning.errors import NotInvertible

FIRST_AMPLITUDE = 1e-2
CHECKED = 4  # samples of a batch
TOLERANCE = 0.1  # of their ln p


class ConvolutionalPotential(nn.Module):
    """Slope and Laplacian of u on an L x L torus.

    Args:
        width: kernels.
        reach: rows and columns that a kernel sees to each side.
        odd: of the slope; otherwise the arguments of ln cosh have a bias.
    """

    taps: Tensor  # (offsets, sites): the site at each offset
    origins: Tensor  # (offsets, sites): from which offset and site a kernel reaches a site, flat
    offset: Tensor | None  # (sites, sites): at which offset a site sees another, where it sees them all

    def __init__(self, L: int, width: int, reach: int, odd: bool = True) -> None:
        super().__init__()
        n = L * L
        sites = torch.arange(n)
        taps = neighbours(L, sites, sites, reach)
        origins = torch.argsort(taps, dim=1) + n * torch.arange(len(taps))[:, None]
        self.register_buffer("taps", taps, persistent=False)
        self.register_buffer("origins", origins, persistent=False)
        offset = torch.argsort(taps, dim=0).mT if len(taps) == n else None
        self.register_buffer("offset", offset, persistent=False)
        self.kernel = nn.Parameter(torch.randn(width, len(taps), dtype=torch.float64) / math.sqrt(len(taps)))
        self.bias = None if odd else nn.Parameter(torch.randn(width, 1, dtype=torch.float64))
        self.amplitude = nn.Parameter(FIRST_AMPLITUDE * torch.randn(width, 1, dtype=torch.float64))

    def velocity(self) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """(sites, batch) -> grad u (sites, batch) and its divergence (batch,)."""
        offsets, n = self.taps.shape
        width = len(self.kernel)
        # a matrix of all pairs of sites is faster where a kernel sees the whole lattice
        matrix = None if self.offset is None else self.kernel[:, self.offset].flatten(0, 1)
        strength = self.amplitude[:, 0] * self.kernel.square().sum(dim=1)

        def slope(x: Tensor) -> tuple[Tensor, Tensor]:
            if matrix is None:
                y = self.kernel @ x.index_select(0, self.taps.flatten()).view(offsets, -1)
            else:
                y = (matrix @ x).view(width, -1)
            y = torch.tanh(y if self.bias is None else y + self.bias)
            divergence = n * strength.sum() - (strength @ y.square()).view(n, -1).sum(dim=0)
            if matrix is not None:
                return matrix.mT @ (self.amplitude * y).view(width * n, -1), divergence
            pushed = ((self.amplitude * self.kernel).mT @ y).view(offsets * n, -1)
            return pushed.index_select(0, self.origins.flatten()).view(offsets, n, -1).sum(dim=0), divergence

        return slope


class MongeAmpereFlow(Bijector):
    """One potential after another, each for a unit of time; fields are (batch, L, L).

    Args:
        odd: f(-z) = -f(z).
    """

    def __init__(self, d: MongeAmpere, L: int, odd: bool = True) -> None:
        super().__init__()
        self.L, self.steps = L, d.steps
        self.potentials = nn.ModuleList(
            ConvolutionalPotential(L, d.width, d.reach, odd) for _ in range(d.potentials)
        )

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """x of z and ln|det dx/dz|, (batch,).

        Raises:
            NotInvertible: back along the flow ln p is another one.
        """
        x, log_det = self._carried(z, self._potentials, 0.0, 1.0)
        with torch.no_grad():
            missed = (self.inverse(x[:CHECKED])[1] + log_det[:CHECKED]).abs().max()
        if missed > TOLERANCE:
            raise NotInvertible(
                f"forth and back along the flow ln p differs by {float(missed):.2e}, more than {TOLERANCE}: "
                "raise --flow.steps, or train with a smaller learning rate or max_norm"
            )
        return x, log_det

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._carried(x, self._potentials[::-1], 1.0, 0.0)

    @property
    def _potentials(self) -> list[ConvolutionalPotential]:
        return cast(list[ConvolutionalPotential], list(self.potentials))

    def _carried(
        self, x: Tensor, potentials: list[ConvolutionalPotential], start: float, end: float
    ) -> tuple[Tensor, Tensor]:
        state: State = [x.flatten(1).mT.contiguous(), x.new_zeros(len(x))]
        for potential in potentials:
            velocity = potential.velocity()
            state = integrate(lambda t, s, v=velocity: v(s[0]), state, start, end, self.steps)
        return state[0].mT.reshape(-1, self.L, self.L), state[1]
