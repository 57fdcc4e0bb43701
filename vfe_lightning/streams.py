"""What a run draws from without end: steps, and the random numbers of each rank and phase."""

import itertools
from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from torch.utils.data import IterableDataset

from vfe_lightning import reductions


class Steps(IterableDataset):
    """One item an optimisation step, for ever: the samples come from the model, not from data."""

    def __iter__(self) -> Iterator[int]:
        return itertools.count()


def make_generator(
    device: torch.device, seed: int, stream: Literal["training", "evaluation", "comparison"]
) -> torch.Generator:
    """Random numbers of their own for each rank and for each phase of a run."""
    sequence = np.random.SeedSequence(
        [seed, reductions.rank(), ("training", "evaluation", "comparison").index(stream)]
    )
    return torch.Generator(device).manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))


def check_split(batch_size: int, ranks: int, passes: int, together: int) -> None:
    """Raises ValueError where the passes on all ranks cannot have equally many samples."""
    share = ranks * passes * together
    if batch_size % share or batch_size < 2 * share:
        raise ValueError(
            f"batch_size = {batch_size} does not split: it must be a multiple of {share} "
            f"({ranks} processes x {passes} passes x {together}), at least {2 * share}"
        )
