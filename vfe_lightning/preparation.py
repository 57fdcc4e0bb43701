"""What can be refused before a run is made: a file that cannot be written, a system that cannot be built."""

import os
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from vfe_lightning.declarations.evaluation import SequentialMonteCarlo
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.declarations.system import Observable
from vfe_lightning.errors import NotKnown, Refused
from vfe_lightning.failures import no_memory
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.optimizers import make_optimizer
from vfe_lightning.trainer import check_devices

MEASURED = {"free_energy", "energy", "entropy", "heat_capacity", "variance"}
TRIED = 3  # samples
CHECKPOINTS, STATES = 4, 3  # two kept, one quoted, one that is written; parameters with two of their moments
BASIC = 2**21  # bytes: figures, tables and what MLflow keeps


def writable(path: Path | None) -> Path | None:
    """The file for the results, which can be written; a new one is not left behind empty."""
    if path is not None:
        try:
            new = not path.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("a").close()
            if new:
                path.unlink()
        except OSError as error:
            raise Refused(f"--json {path} cannot be written: {error.strerror}") from error
    return path


def check_room(system: VariationalFreeEnergy, folder: Path) -> None:
    """Whether the disk has room for what a run leaves: by taking it for a moment.

    Raises:
        Refused: it is full, or the user's share of it.
    """
    state = sum(value.numel() * value.element_size() for value in system.state_dict().values())
    needed = BASIC + CHECKPOINTS * STATES * state
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            os.posix_fallocate(probe.fileno(), 0, needed)
    except OSError as error:
        raise Refused(
            f"{error.strerror} in {folder}, where a run needs about {needed / 2**20:.0f} MiB: make room, or "
            "set VFE_HOME"
        ) from error


def prepared(experiment: DeclaredExperiment) -> VariationalFreeEnergy:
    """The system on the CPU with its first parameters, ready to be trained.

    Raises:
        Refused: it cannot be built or trained as it is declared, or not on this machine.
    """
    budget = experiment.trainer
    check_devices(budget)
    if budget.threads:
        torch.set_num_threads(budget.threads)
    torch.manual_seed(experiment.seed)
    try:
        system = experiment.system.build()
        system.prepare(
            partial(make_optimizer, experiment.optimizer),
            experiment.batch_size,
            experiment.seed,
            budget.accumulate,
            budget.grown,
        )
        system.check_batch_size(budget.devices * budget.num_nodes)
        system.check_steps(budget.max_steps)
        system.asked = checked(system, experiment.asked())
        finished_by(system, experiment)
    except (ValueError, ArithmeticError) as error:
        raise Refused(str(error)) from error
    except (MemoryError, RuntimeError) as error:
        if not no_memory(error):
            raise
        reason = str(error).strip().partition("\n")[0]
        raise Refused(f"there is no memory for so large a system: {reason}") from error
    return system


def finished_by(system: VariationalFreeEnergy, experiment: DeclaredExperiment) -> None:
    """Have the system's evaluations go on to the Gibbs state, where that is declared.

    Raises:
        Refused: there is no way.
    """
    match experiment.evaluation:
        case SequentialMonteCarlo() as wanted:
            try:
                system.crossing()
            except NotKnown as reason:
                raise Refused(str(reason)) from None
            system.finishing = wanted


def checked(system: VariationalFreeEnergy, asked: Mapping[str, Observable]) -> Mapping[str, Observable]:
    """What is to be measured besides, tried on samples where they can be drawn.

    Raises:
        ValueError: it does not work, or has a name of what each system measures.
    """
    if taken := sorted(MEASURED & asked.keys()):
        raise ValueError(f"{taken[0]} is measured anyway: call the observable otherwise")
    if not asked:
        return asked
    try:
        drawn = system.sample(TRIED)
    except NotKnown as error:
        raise ValueError(f"{sorted(asked)[0]} cannot be measured: {error}") from error
    x = drawn if isinstance(drawn, Tensor) else drawn[1]
    for name, function in asked.items():
        try:
            shape = tuple(function(x).shape)
        except Exception as error:  # whatever code from outside raises
            raise ValueError(f"observable {name}: {type(error).__name__}: {error}") from error
        if shape[:1] != (TRIED,) or len(shape) > 2:
            raise ValueError(
                f"observable {name} is {shape} of samples {tuple(x.shape)}: one number, or a row of "
                "numbers, a sample is wanted"
            )
    return asked
