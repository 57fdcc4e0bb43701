r"""Neural renormalisation group: blocks of four sites at every scale, from the coarsest to the finest.

At the scale 2^d a decimator makes the four sites of each aligned 2 x 2 block of one coarser variable and
three new latent ones, and a disentangler acts on the blocks that are shifted by one site. Blocks of one scale
and kind share their parameters, or each has its own. S.-H. Li & L. Wang, PRL 121, 260601 (2018); the network
is that of MERA, Vidal, PRL 99, 220405 (2007).
"""

import math
from typing import cast

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.bijectors.block_coupling import BlockCoupling, haar
from vfe_lightning.declarations import lattice_fields as declarations


class NeuralRG(Bijector):
    """Fields are (batch, L, L), L a power of 2.

    The latent variables of the scale 2^d stand at the multiples of 2^d that are no multiples of 2^(d + 1).

    Args:
        odd: f(-z) = -f(z).
    """

    def __init__(self, d: declarations.NeuralRG, L: int, odd: bool = True) -> None:
        super().__init__()
        if L < 2 or L & (L - 1):
            raise ValueError(f"L = {L} is no power of 2")
        self.L, self.scales, self.shared = L, L.bit_length() - 1, d.shared
        one = torch.eye(4, dtype=torch.float64)

        def modules(linear: Tensor) -> nn.ModuleList:
            places = [1 if d.shared else (L >> (scale + 1)) ** 2 for scale in range(self.scales)]
            return nn.ModuleList(BlockCoupling(n, d.couplings, d.width, d.bins, linear, odd) for n in places)

        self.decimators, self.disentanglers = modules(haar()), modules(one)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z = z.permute(1, 2, 0)
        log_det = z.new_zeros(z.shape[2])
        coarse = z[:: self.L, :: self.L]
        for d in reversed(range(self.scales)):
            new = blocks(z[:: 2**d, :: 2**d])
            x, change = self._moved(self.decimators[d], torch.cat([coarse.flatten(0, 1)[None], new[1:]]))
            y, more = self._moved(self.disentanglers[d], blocks(field(x).roll((-1, -1), (0, 1))))
            coarse = field(y).roll((1, 1), (0, 1))
            log_det = log_det + change + more
        return coarse.permute(2, 0, 1), log_det

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        fine, log_det, latent = x, x.new_zeros(len(x)), []
        for d in range(self.scales):
            fine, new, change = self._coarser(fine, d)
            latent.append(new)
            log_det = log_det + change
        z = fine.permute(1, 2, 0)
        for new in reversed(latent):
            z = field(torch.cat([z.flatten(0, 1)[None], new]))
        return z.permute(2, 0, 1), log_det

    def renormalized(self, x: Tensor) -> list[Tensor]:
        """The variables that each scale sees, the finest first: (batch, L / 2^d, L / 2^d) each."""
        fields = [x]
        for d in range(self.scales):
            fields.append(self._coarser(fields[-1], d)[0])
        return fields

    def _coarser(self, x: Tensor, d: int) -> tuple[Tensor, Tensor, Tensor]:
        """The next coarser field, the latent variables that it leaves, (3, blocks, batch), and ln|det|."""
        n = x.shape[1] // 2
        shifted = blocks(x.permute(1, 2, 0).roll((-1, -1), (0, 1)))
        y, change = self._moved(self.disentanglers[d], shifted, inverse=True)
        z, more = self._moved(self.decimators[d], blocks(field(y).roll((1, 1), (0, 1))), inverse=True)
        return z[0].view(n, n, -1).permute(2, 0, 1), z[1:], change + more

    def _moved(self, module: nn.Module, x: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        """Blocks, (4, blocks, batch), that a module has moved, and ln|det| of each sample."""
        block = cast(BlockCoupling, module)
        columns = x.flatten(1)[None] if self.shared else x.transpose(0, 1)
        y, log_det = (block.inverse if inverse else block)(columns)
        y = y.view(x.shape) if self.shared else y.transpose(0, 1)
        return y, log_det.reshape(x.shape[1:]).sum(dim=0)


def blocks(x: Tensor) -> Tensor:
    """Aligned 2 x 2 blocks of fields: (n, n, batch) -> (4, n^2 / 4, batch)."""
    n, batch = len(x), x.shape[2]
    return x.reshape(n // 2, 2, n // 2, 2, batch).permute(1, 3, 0, 2, 4).reshape(4, -1, batch)


def field(x: Tensor) -> Tensor:
    """The inverse of `blocks`."""
    n, batch = math.isqrt(x.shape[1]), x.shape[2]
    return x.reshape(2, 2, n, n, batch).permute(2, 0, 3, 1, 4).reshape(2 * n, 2 * n, batch)
