"""What a run draws from without end: steps, and the random numbers of each rank and phase."""

import itertools
from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from vfe_lightning import reductions

Stream = Literal[
    "training", "evaluation", "comparison", "populations", "pilot", "control", "pilot of the control"
]


class Steps(IterableDataset):
    """One item an optimisation step, for ever: the samples come from the model, not from data."""

    def __iter__(self) -> Iterator[int]:
        return itertools.count()


def make_generator(
    device: torch.device, seed: int, stream: Stream, *, step: int | None = None
) -> torch.Generator:
    """Random numbers of their own for each rank and for each phase of a run, or from a step of one on.

    A pilot is the same on all ranks.
    """
    entropy = [seed, 0 if stream == "pilot" else reductions.rank(), get_args(Stream).index(stream)]
    sequence = np.random.SeedSequence(entropy if step is None else [*entropy, 1 + step])
    return torch.Generator(device).manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))


def gone_on(device: torch.device, seed: int, step: int, state: Tensor) -> torch.Generator:
    """The training's generator as a checkpoint has it; a new stream where it was of another kind of device.

    The generators of a CPU and of a GPU cannot take each other's state.
    """
    generator = make_generator(device, seed, "training")
    if len(state) != len(generator.get_state()):
        from lightning.pytorch.utilities import rank_zero_info  # which takes seconds

        rank_zero_info(f"the checkpoint is of another kind of device: new random numbers from step {step} on")
        return make_generator(device, seed, "training", step=step)
    generator.set_state(state.clone())  # torch 2.13 crashes on a state that is a part of a larger tensor
    return generator


def check_split(batch_size: int, ranks: int, passes: int, together: int) -> None:
    """Raises ValueError where the passes on all ranks cannot have equally many samples."""
    share = ranks * passes * together
    if batch_size % share or batch_size < 2 * share:
        raise ValueError(
            f"batch_size = {batch_size} does not split: it must be a multiple of {share} "
            f"({ranks} processes x {passes} passes x {together}), at least {2 * share}"
        )
