r"""Ewald summation of the Coulomb interaction in a periodic cube, in two and three dimensions.

For a box of length 1 the pair potential is

$$ \sum_{\text{nearest image}} \frac{\operatorname{erfc}(\kappa r)}{r}
   + \sum_{G \ne 0} g(G) \cos(2 \pi G \cdot r) + g_0 . $$

de Leeuw, Perram & Smith, Proc. R. Soc. A 373, 27 (1980); in two dimensions, where charges
interact as 1/r in the plane, Parry, Surf. Sci. 49, 433 (1975).
"""

import itertools
import math

import torch
from torch import Tensor, nn

FASTEST = {2: (10.0, 0), 3: (4.0, 1)}  # kappa and images: in 3D the reciprocal vectors are many


class Ewald(nn.Module):
    """Energy of n unit charges and their neutralising background in a box of length 1.

    Args:
        dim: 2 or 3.
        kappa: splits the sum between real and reciprocal space; the energy does not depend on it
            while erfc(kappa (images + 1/2)) is negligible. By default, with `images`, the fastest for tens
            of particles.
        cutoff: reciprocal vectors with |G| <= cutoff; by default as many as 1e-10 needs.
        images: in real space, cells around that of the nearest image, along each axis and direction.
    """

    weight: Tensor  # of the half space of G, (G, ..., G)
    cells: Tensor  # whose images are summed, (cells, dim)

    def __init__(
        self, dim: int, kappa: float | None = None, cutoff: int | None = None, images: int = 0
    ) -> None:
        super().__init__()
        if dim not in (2, 3):
            raise ValueError(f"Ewald summation is known here for dim = 2 and 3, got {dim}")
        if kappa is None:
            kappa, images = FASTEST[dim]
        if cutoff is None:
            cutoff = math.ceil(1.5 * kappa) if dim == 2 else math.ceil(1.7 * kappa)
        self.dim, self.kappa, self.cutoff = dim, kappa, cutoff
        axis = torch.arange(-cutoff, cutoff + 1, dtype=torch.float64)
        # G and -G contribute the same, so that the last axis need only run over G >= 0.
        half = axis[cutoff:]
        grid = torch.meshgrid(*[axis] * (dim - 1), half, indexing="ij")
        squared = torch.stack(grid).square().sum(dim=0)
        norm = squared.sqrt()
        if dim == 3:
            weight = torch.exp(-((math.pi * norm / kappa) ** 2)) / (math.pi * squared)
            self.background = -math.pi / kappa**2
        else:
            weight = torch.erfc(math.pi * norm / kappa) / norm
            self.background = -2 * math.sqrt(math.pi) / kappa
        weight = torch.where((squared > 0) & (norm <= cutoff), weight, 0.0)
        weight[..., 1:] *= 2
        self.register_buffer("weight", weight, persistent=False)
        cells = list(itertools.product(range(-images, images + 1), repeat=dim))
        self.register_buffer("cells", torch.tensor(cells, dtype=torch.float64), persistent=False)
        own_images = sum(math.erfc(kappa * math.hypot(*c)) / math.hypot(*c) for c in cells if any(c))
        self.total_weight = weight.sum().item()
        self.madelung = self.total_weight + self.background - 2 * kappa / math.sqrt(math.pi) + own_images

    def structure(self, x: Tensor) -> Tensor:
        """rho_G = sum_j exp(2 pi i G . x_j) of the half space of G: (batch, n, dim) -> (batch, G, ..., G)."""
        phase = torch.polar(torch.ones_like(x), 2 * math.pi * x)
        # exp(i m phi) by repeated products: no sine for each G
        powers = phase[..., None].expand(*x.shape, self.cutoff).cumprod(dim=-1)
        ones = torch.ones_like(powers[..., :1])
        axes = torch.cat([powers.flip(-1).conj(), ones, powers], dim=-1)  # (batch, n, dim, 2 cutoff + 1)
        left = axes[:, :, 0]
        for d in range(1, self.dim - 1):
            left = (left[..., None] * axes[:, :, d, None, :]).flatten(2)
        rho = left.mT @ axes[:, :, -1, self.cutoff :]
        return rho.reshape(len(x), *self.weight.shape)

    def forward(self, x: Tensor) -> Tensor:
        """sum_{i<j} pair(x_i - x_j) + n madelung / 2: (batch, n, dim) in units of the box -> (batch,)."""
        n = x.shape[1]
        i, j = torch.triu_indices(n, n, offset=1, device=x.device)
        r = x[:, i] - x[:, j]
        nearest = r - r.round()
        short = x.new_zeros(len(x))
        for cell in self.cells:
            distance = (nearest + cell).norm(dim=-1)
            short = short + (torch.erfc(self.kappa * distance) / distance).sum(dim=-1)
        rho = torch.view_as_real(self.structure(x)).square().sum(dim=-1)
        long = (rho.flatten(1) @ self.weight.flatten() - n * self.total_weight) / 2
        return short + long + self.background * n * (n - 1) / 2 + n * self.madelung / 2
