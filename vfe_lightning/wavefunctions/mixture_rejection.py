"""Exact samples of superpositions by rejection from the mixture of their terms."""

from collections.abc import Callable

import torch
from torch import Tensor


def mixture_rejection(
    coefficients: Tensor,
    propose: Callable[[Tensor, Tensor], Tensor],
    chance: Callable[[Tensor, Tensor], Tensor],
    generator: torch.Generator | None = None,
) -> Tensor:
    """One sample a walker: |sum c_K Phi_K|^2 <= (sum |c_K|) (sum |c_K| |Phi_K|^2), a mixture.

    (sum |c_K|)^2 proposals a walker are needed in the mean.

    Args:
        coefficients: c, real (batch, terms).
        propose: rows and their terms, (proposals,) each -> samples of |Phi_K|^2, (proposals, n, dim).
        chance: rows and samples -> the left side over the right, (proposals,).
    """
    size = coefficients.abs()
    waiting = torch.arange(len(size), device=size.device)
    found: Tensor | None = None
    while len(waiting):
        proposals = 2 * len(size) // len(waiting)  # few walkers need many: let these fill a round
        term = torch.multinomial(size[waiting], proposals, replacement=True, generator=generator)
        rows = waiting.repeat_interleave(proposals)
        proposed = propose(rows, term.flatten())
        accept = chance(rows, proposed)
        coin = torch.rand(accept.shape, generator=generator, dtype=accept.dtype, device=accept.device)
        accepted = (coin < accept).view(-1, proposals)
        first = accepted.to(torch.int8).argmax(dim=1)
        hit = accepted.any(dim=1)
        found = proposed.new_empty(len(size), *proposed.shape[1:]) if found is None else found
        found[waiting[hit]] = proposed.view(-1, proposals, *proposed.shape[1:])[hit, first[hit]]
        waiting = waiting[~hit]
    assert found is not None
    return found
