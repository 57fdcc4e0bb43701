"""Sums over all walkers of all devices.

Each rank holds an equal share of the global batch. Without a process group these are the plain
torch reductions, so that one code serves one device and many.
"""

from collections.abc import Mapping
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


def world_size() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def total(x: Tensor) -> Tensor:
    """Sum over the ranks of a tensor that every rank holds: (...) -> (...)."""
    if world_size() == 1:
        return x
    x = x.detach().clone()
    dist.all_reduce(x)
    return x


def mean(x: Tensor) -> Tensor:
    """Mean over the walkers of all ranks: (batch, ...) -> (...)."""
    return total(x.sum(dim=0)) / (len(x) * world_size())


def maximum(x: Tensor) -> Tensor:
    """Largest value over the ranks of a tensor that every rank holds: (...) -> (...)."""
    if world_size() > 1:
        x = x.detach().clone()
        dist.all_reduce(x, dist.ReduceOp.MAX)
    return x


def numbers(named: Mapping[str, Tensor]) -> dict[str, float]:
    """Single numbers of a device on the host, all in one transfer."""
    if not named:
        return {}
    values = torch.stack([value.detach().double() for value in named.values()])
    return dict(zip(named, values.tolist(), strict=True))


def common(names: list[str]) -> list[str]:
    """The names that every rank has, in the order of this rank, which is that of all where they agree."""
    if world_size() == 1:
        return names
    everyone: list[list[str]] = [[] for _ in range(world_size())]
    dist.all_gather_object(everyone, names)
    return [name for name in everyone[0] if all(name in of_rank for of_rank in everyone)]


def of_first(thing: T) -> T:
    """Plain data as the first rank has it, on every rank."""
    if world_size() == 1:
        return thing
    held = [thing]
    dist.broadcast_object_list(held)
    return held[0]


def gather(x: Tensor) -> Tensor:
    """The walkers of all ranks, in the order of the ranks: (batch, ...) -> (ranks * batch, ...)."""
    if world_size() == 1:
        return x
    real = torch.view_as_real(x) if x.is_complex() else x
    parts = [torch.empty_like(real) for _ in range(world_size())]
    dist.all_gather(parts, real.contiguous())
    everyone = torch.cat(parts)
    return torch.view_as_complex(everyone) if x.is_complex() else everyone
