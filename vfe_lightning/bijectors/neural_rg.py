r"""Neural renormalisation group: blocks of four sites at every scale, from the coarsest to the finest.

At the scale 2^d a decimator makes the four sites of each aligned 2 x 2 block of one coarser variable and
three new latent ones, and a disentangler acts on the blocks that are shifted by one site. Blocks of one scale
and kind share their parameters. S.-H. Li & L. Wang, PRL 121, 260601 (2018); the network is that of MERA,
Vidal, PRL 99, 220405 (2007).
"""

from typing import cast

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.bijectors.block_coupling import BlockCoupling, haar


class NeuralRG(Bijector):
    """Fields are (batch, L, L), L a power of 2.

    The latent variables of the scale 2^d stand at the multiples of 2^d that are no multiples of 2^(d + 1).

    Args:
        couplings: in a block.
        width: hidden units of a coupling.
        odd: f(-z) = -f(z).
    """

    def __init__(self, L: int, couplings: int, width: int, odd: bool = True) -> None:
        super().__init__()
        if L < 2 or L & (L - 1):
            raise ValueError(f"L = {L} is no power of 2")
        self.L, self.scales = L, L.bit_length() - 1
        one = torch.eye(4, dtype=torch.float64)

        def modules(linear: Tensor) -> nn.ModuleList:
            return nn.ModuleList(BlockCoupling(couplings, width, linear, odd) for _ in range(self.scales))

        self.decimators, self.disentanglers = modules(haar()), modules(one)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        batch, z = len(z), z.permute(1, 2, 0)
        log_det = z.new_zeros(batch)
        coarse = z[:: self.L, :: self.L]
        for d in reversed(range(self.scales)):
            new = blocks(z[:: 2**d, :: 2**d])
            x, change = self._block(self.decimators[d])(torch.cat([coarse.reshape(1, -1), new[1:]]))
            y, more = self._block(self.disentanglers[d])(blocks(field(x, batch).roll((-1, -1), (0, 1))))
            coarse = field(y, batch).roll((1, 1), (0, 1))
            log_det = log_det + (change + more).view(-1, batch).sum(dim=0)
        return coarse.permute(2, 0, 1), log_det

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        fine, log_det, latent = x, x.new_zeros(len(x)), []
        for d in range(self.scales):
            fine, new, change = self._coarser(fine, d)
            latent.append(new)
            log_det = log_det + change
        z = fine.permute(1, 2, 0)
        for new in reversed(latent):
            z = field(torch.cat([z.reshape(1, -1), new]), len(x))
        return z.permute(2, 0, 1), log_det

    def renormalized(self, x: Tensor) -> list[Tensor]:
        """The variables that each scale sees, the finest first: (batch, L / 2^d, L / 2^d) each."""
        fields = [x]
        for d in range(self.scales):
            fields.append(self._coarser(fields[-1], d)[0])
        return fields

    def _coarser(self, x: Tensor, d: int) -> tuple[Tensor, Tensor, Tensor]:
        """The next coarser field, the latent variables that it leaves, (3, blocks), and ln|det|."""
        batch, n = len(x), x.shape[1] // 2
        shifted = blocks(x.permute(1, 2, 0).roll((-1, -1), (0, 1)))
        y, change = self._block(self.disentanglers[d]).inverse(shifted)
        z, more = self._block(self.decimators[d]).inverse(blocks(field(y, batch).roll((1, 1), (0, 1))))
        return z[0].view(n, n, batch).permute(2, 0, 1), z[1:], (change + more).view(-1, batch).sum(dim=0)

    @staticmethod
    def _block(module: nn.Module) -> BlockCoupling:
        return cast(BlockCoupling, module)


def blocks(x: Tensor) -> Tensor:
    """Aligned 2 x 2 blocks of fields: (n, n, batch) -> (4, n^2 batch / 4)."""
    n, batch = len(x), x.shape[2]
    return x.reshape(n // 2, 2, n // 2, 2, batch).permute(1, 3, 0, 2, 4).reshape(4, -1)


def field(x: Tensor, batch: int) -> Tensor:
    """The inverse of `blocks`."""
    n = int((x.shape[1] // batch) ** 0.5 + 0.5)
    return x.view(2, 2, n, n, batch).permute(2, 0, 3, 1, 4).reshape(2 * n, 2 * n, batch)
