r"""Exact, independent samples of free fermions, |det exp(i k_a . z_j)|^2: proposals are uniform."""

import torch
from torch import Tensor

from vfe_lightning.wavefunctions.one_by_one import one_by_one


def free_fermions(k: Tensor, length: float, generator: torch.Generator | None = None) -> Tensor:
    """Positions z of n particles in the plane waves k: (batch, n, dim), in [0, length), float64.

    Each walker has its own momenta, (batch, n, dim), all different, in absolute units.
    """
    _, n, dim = k.shape

    def propose(walkers: Tensor, proposals: int) -> tuple[Tensor, Tensor, Tensor]:
        shape = (len(walkers), proposals, dim)
        z = length * torch.rand(shape, generator=generator, dtype=k.dtype, device=k.device)
        phase = z @ k[walkers].mT
        return z, torch.polar(torch.ones_like(phase), phase), phase.new_full(shape[:2], n)

    return one_by_one(torch.empty_like(k), propose, generator)
