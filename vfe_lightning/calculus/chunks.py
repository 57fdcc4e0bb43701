"""How many walkers are computed at once: what a cache holds on a CPU, what the memory holds on a GPU."""

from collections.abc import Callable
from typing import TypeVar

import torch
from lightning.pytorch.utilities import rank_zero_warn

CACHE = 2 * 2**20  # bytes of the largest tensor: beyond it a CPU becomes slower
LEAST = 2  # walkers on a CPU
SHARE = 0.5  # of the memory of a GPU that is free
TENSORS = 16  # as large as the largest that are held at once
OF_CONTINUOUS_FLOWS = 128  # walkers on a CPU, whose kernels are many and small
T = TypeVar("T")


class Chunks:
    """Walkers at once, chosen at the first use where none are asked for, and fewer where memory runs out.

    Args:
        bytes_of_one: of a walker's share of the largest tensor.
        size: as many as that, whatever the memory holds.
        least: on a CPU, more than a cache holds where there is much else to do for each call.
    """

    def __init__(self, bytes_of_one: int, size: int | None = None, least: int = LEAST) -> None:
        self.bytes_of_one, self.size, self.least = bytes_of_one, size, least

    def run(self, function: Callable[[int], T], device: torch.device) -> T:
        """function(walkers at once), again with half as many where the device had no memory for them.

        Raises:
            torch.OutOfMemoryError: a single walker does not fit.
        """
        while True:
            size = self.size = self.size or fitting(self.bytes_of_one, device, self.least)
            try:
                return function(size)
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
            self.size = size // 2
            torch.cuda.empty_cache()
            rank_zero_warn(f"the device has no memory for {size} walkers at once: going on with {self.size}")


def fitting(bytes_of_one: int, device: torch.device, least: int = LEAST) -> int:
    """As many walkers as a cache of a CPU holds, or half the free memory of a GPU."""
    if device.type != "cuda" or not torch.cuda.is_available():
        return max(least, CACHE // bytes_of_one)
    free, _ = torch.cuda.mem_get_info(device)
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return max(1, int(SHARE * free) // (TENSORS * bytes_of_one))


def of_continuous_flow(electrons: int, dim: int, others: int, size: int | None) -> Chunks:
    """By the derivatives along all coordinates of the differences of electrons from so many others."""
    return Chunks(8 * electrons * dim * electrons * others * dim, size, OF_CONTINUOUS_FLOWS)
