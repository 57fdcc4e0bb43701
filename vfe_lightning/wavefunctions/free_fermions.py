r"""Exact, independent samples of free fermions, |det exp(i k_a . z_j)|^2.

The density is a projection determinantal point process: particles are placed one by one, each
from the part of the uniform density that is orthogonal to those already placed. Hough,
Krishnapur, Peres & Virag, Probab. Surveys 3, 206 (2006), algorithm 18.
"""

import torch
from torch import Tensor


@torch.no_grad()
def free_fermions(k: Tensor, length: float, generator: torch.Generator | None = None) -> Tensor:
    """Positions z of n particles in the plane waves k: (batch, n, dim), in [0, length), float64.

    Each walker has its own momenta, (batch, n, dim), all different, in absolute units. About n H_n
    uniform proposals a walker are needed; several are made at once and the first accepted is kept.
    """
    batch, n, dim = k.shape
    placed = torch.zeros(batch, n, n, dtype=torch.complex128, device=k.device)  # orthonormal rows
    z = torch.empty_like(k)
    for i in range(n):
        proposals = max(4, 2 * n // (n - i))
        wave = torch.empty(batch, n, dtype=torch.complex128, device=k.device)
        waiting = torch.arange(batch, device=k.device)
        while len(waiting):
            uniform = torch.rand(
                len(waiting), proposals, dim, generator=generator, dtype=k.dtype, device=k.device
            )
            phase = (length * uniform) @ k[waiting].mT
            v = torch.polar(torch.ones_like(phase), phase)
            overlap = torch.view_as_real(v @ placed[waiting, :i].mH).square().sum(dim=(-2, -1))
            coin = torch.rand(overlap.shape, generator=generator, dtype=k.dtype, device=k.device)
            accepted = coin < 1 - overlap / n
            first = accepted.to(torch.int8).argmax(dim=1)
            hit = accepted.any(dim=1)
            done = waiting[hit]
            z[done, i] = length * uniform[hit, first[hit]]
            wave[done] = v[hit, first[hit]]
            waiting = waiting[~hit]
        for _ in range(2):  # Gram-Schmidt twice is orthogonal to rounding
            overlap = wave[:, None] @ placed[:, :i].mH
            wave = wave - (overlap @ placed[:, :i])[:, 0]
        placed[:, i] = wave / wave.norm(dim=1, keepdim=True)
    return z
