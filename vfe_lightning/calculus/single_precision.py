"""A module in single precision beside the one in double precision that it follows."""

from copy import deepcopy
from typing import Generic, TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


class SinglePrecision(Generic[M]):
    """A twin of a module with the same numbers in single precision.

    It lies at the same addresses from one step to the next, so that what is recorded of it can be replayed.
    It is no part of the module that holds it: no checkpoint and no optimiser sees it.
    """

    def __init__(self, module: M) -> None:
        self.module = module
        self._twin: M | None = None

    @torch.no_grad()
    def __call__(self) -> M:
        """The twin, brought up to date."""
        if self._twin is None or _device(self._twin) != _device(self.module):
            self._twin = deepcopy(self.module).float().requires_grad_(False)
        for own, followed in zip(self._twin.parameters(), self.module.parameters(), strict=True):
            own.copy_(followed)
        return self._twin


def _device(module: nn.Module) -> torch.device:
    return next(iter([*module.parameters(), *module.buffers()])).device
