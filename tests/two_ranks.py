"""What two gloo processes measure, beside one that has all samples."""

from collections.abc import Callable
from pathlib import Path

import seeds  # noqa: F401
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

Measure = Callable[[], dict[str, Tensor]]


def on_two_ranks(measured: Measure, folder: Path) -> list[dict[str, Tensor]]:
    """The results of each rank; `measured` is at the top of a module, where a new process finds it."""
    mp.spawn(_work, args=(measured, str(folder)), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def _work(rank: int, measured: Measure, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    try:
        torch.save(measured(), Path(folder) / f"{rank}.pt")
    finally:
        dist.destroy_process_group()
