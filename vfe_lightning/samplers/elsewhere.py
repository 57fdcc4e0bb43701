"""Densities that know nothing of a system: from them no mode is nearer than another."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Elsewhere:
    """Independent coordinates.

    Attributes:
        draw: (samples, generator) -> x (samples, ...) and ln q (samples,).
        log_q: (batch, ...) -> (batch,).
    """

    draw: Callable[[int, torch.Generator | None], tuple[Tensor, Tensor]]
    log_q: Callable[[Tensor], Tensor]


def any_values(sites: int, values: Tensor) -> Elsewhere:
    """One of the values (values,) at each site."""
    log_q = -sites * math.log(len(values))

    def draw(count: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        device = generator.device if generator else values.device
        x = values.to(device)[torch.randint(len(values), (count, sites), generator=generator, device=device)]
        return x, x.new_full((count,), log_q)

    return Elsewhere(draw, lambda x: x.new_full((len(x),), log_q))


def any_angles(sites: int) -> Elsewhere:
    """On the circle, at each site."""
    log_q = -sites * math.log(2 * math.pi)

    def draw(count: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        x = 2 * math.pi * _random(torch.rand, (count, sites), generator)
        return x, x.new_full((count,), log_q)

    return Elsewhere(draw, lambda x: x.new_full((len(x),), log_q))


def normal(shape: Sequence[int], width: float) -> Elsewhere:
    """Of one width in all directions."""

    def log_q(x: Tensor) -> Tensor:
        normalisation = math.prod(shape) * math.log(width * math.sqrt(2 * math.pi))
        return -0.5 * (x / width).square().flatten(1).sum(dim=1) - normalisation

    def draw(count: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        x = width * _random(torch.randn, (count, *shape), generator)
        return x, log_q(x)

    return Elsewhere(draw, log_q)


def _random(kind: Callable[..., Tensor], shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
    device = generator.device if generator else None
    return kind(shape, generator=generator, dtype=torch.float64, device=device)
