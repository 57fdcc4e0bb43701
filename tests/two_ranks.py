"""What two gloo processes measure, beside one that has all samples."""

from collections.abc import Callable
from pathlib import Path

import processes  # noqa: F401  what the server of forks has loaded
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

Measure = Callable[[], dict[str, Tensor]]


def on_two_ranks(measured: Measure, folder: Path) -> list[dict[str, Tensor]]:
    """The results of each rank; `measured` is at the top of a module, where a new process finds it."""
    start_two(_work, measured, str(folder))
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def start_two(work: Callable[..., None], *arguments: object) -> None:
    """Two ranks that do the work, forks of the server in processes.py, and their end."""
    mp.start_processes(work, args=arguments, nprocs=2, start_method="forkserver")


def _work(rank: int, measured: Measure, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    try:
        torch.save(measured(), Path(folder) / f"{rank}.pt")
    finally:
        dist.destroy_process_group()
