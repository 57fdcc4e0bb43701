"""What can be refused before a run is made: a file that cannot be written, a system that cannot be built."""

from functools import partial
from pathlib import Path

import torch

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Refused
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.optimizers import make_optimizer


def writable(path: Path | None) -> Path | None:
    """The file for the results, which can be written."""
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("a").close()
        except OSError as error:
            raise Refused(f"--json {path} cannot be written: {error.strerror}") from error
    return path


def prepared(experiment: DeclaredExperiment) -> VariationalFreeEnergy:
    """The system on the CPU with its first parameters, ready to be trained."""
    budget = experiment.trainer
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
        )
        system.check_batch_size(budget.devices * budget.num_nodes)
        system.check_steps(budget.max_steps)
    except (ValueError, OverflowError) as error:
        raise Refused(str(error)) from error
    return system
