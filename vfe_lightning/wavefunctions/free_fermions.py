r"""Exact, independent samples of free fermions, |det exp(i k_a . z_j)|^2: proposals are uniform."""

import torch
from torch import Tensor

from vfe_lightning.calculus.replay import replayed
from vfe_lightning.wavefunctions.one_by_one import Propose, in_two_rounds, one_by_one


def free_fermions(k: Tensor, length: float, generator: torch.Generator | None = None) -> Tensor:
    """Positions z of n particles in the plane waves k: (batch, n, dim), in [0, length), float64.

    Each walker has its own momenta, (batch, n, dim), all different, in absolute units.
    """
    if not k.is_cuda:
        return one_by_one(torch.empty_like(k), _uniform(k, length, generator), generator)
    z, missed = replayed(_of_fixed_shape, k, length, generator)
    again = missed.nonzero().squeeze(1)
    if len(again):
        z[again] = one_by_one(torch.empty_like(k[again]), _uniform(k[again], length, generator), generator)
    return z


def _of_fixed_shape(k: Tensor, length: float, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    return in_two_rounds(torch.empty_like(k), _uniform(k, length, generator), generator)


def _uniform(k: Tensor, length: float, generator: torch.Generator | None) -> Propose:
    _, n, dim = k.shape

    def propose(walkers: Tensor, proposals: int) -> tuple[Tensor, Tensor, Tensor]:
        shape = (len(walkers), proposals, dim)
        z = length * torch.rand(shape, generator=generator, dtype=k.dtype, device=k.device)
        phase = z @ k[walkers].mT
        return z, torch.polar(torch.ones_like(phase), phase), phase.new_full(shape[:2], n)

    return propose
