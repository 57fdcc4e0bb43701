"""Lightning's trainer, as a run declares it."""

import os
from collections.abc import Sequence
from typing import Any

import lightning as L
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy, Strategy

from vfe_lightning import declarations
from vfe_lightning.devices import Choice, chosen, without_measurement
from vfe_lightning.errors import Refused
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.notation import units_text
from vfe_lightning.tracking.logger import RunLogger
from vfe_lightning.tracking.monitored import Monitored
from vfe_lightning.tracking.progress import Progress
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.store import project_root


def make_trainer(
    budget: declarations.Trainer,
    system: VariationalFreeEnergy,
    record: Record | None,
    callbacks: Sequence[Callback],
) -> L.Trainer:
    """A trainer that evaluates nothing while it fits; rank 0 has the record and writes to it."""
    accelerator, why = chosen(budget, system)
    if record and why:
        print(why, flush=True)
    units = units_text(system.units, system.per)
    own: list[Callback] = [Progress(units)] if record and budget.progress_bar else []
    trainer = L.Trainer(
        **_devices(budget, accelerator),
        max_steps=budget.max_steps,
        logger=RunLogger(record) if record else False,
        callbacks=[Monitored(), *own, *callbacks],
        default_root_dir=project_root() / "mlruns",
        limit_train_batches=budget.checkpoint_every,  # an epoch, for callbacks that act at the end of one
        limit_val_batches=0,
        inference_mode=False,  # local energies need derivatives
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    # Lightning's handler of SIGTERM waits for all ranks, and hangs (#20806); that for SLURM ends the run.
    trainer._signal_connector.register_signal_handlers = lambda: None
    return trainer


def check_devices(budget: declarations.Trainer) -> None:
    """Whether Lightning finds the devices, and the other machines.

    Raises:
        Refused: otherwise.
    """
    environment = getattr(strategy_of(budget), "cluster_environment", None)
    if (
        budget.num_nodes > 1
        and isinstance(environment, LightningEnvironment)
        and "MASTER_ADDR" not in os.environ
    ):
        raise Refused(
            f"--trainer.num_nodes {budget.num_nodes}: nothing says where the other machines are; start them "
            "all by srun or torchrun, or set MASTER_ADDR, MASTER_PORT and NODE_RANK"
        )


def strategy_of(budget: declarations.Trainer) -> Strategy:
    """How the processes of a run find and tell each other, as far as that does not depend on the system.

    Raises:
        Refused: Lightning does not find the devices.
    """
    accelerator, _ = without_measurement(budget) or Choice("cpu")
    try:
        return L.Trainer(
            **_devices(budget, accelerator),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        ).strategy
    except Exception as error:  # of Lightning, of a cluster's environment, of a driver
        reason = str(error).strip().partition("\n")[0]
        raise Refused(
            f"--trainer.accelerator {budget.accelerator} with --trainer.devices {budget.devices} and "
            f"--trainer.num_nodes {budget.num_nodes} cannot be had here: {reason}"
        ) from error


def several(budget: declarations.Trainer) -> bool:
    """Whether processes share the batch, or one is to act as if they did."""
    return budget.devices * budget.num_nodes > 1 or budget.strategy == "ddp"


def _devices(budget: declarations.Trainer, accelerator: str) -> dict[str, Any]:
    return {
        "accelerator": accelerator,
        "devices": budget.devices,
        "num_nodes": budget.num_nodes,
        # Each rank has walkers of its own: buffers are not to be overwritten by those of rank 0.
        "strategy": DDPStrategy(broadcast_buffers=False) if several(budget) else "auto",
        "precision": "64-true",
    }
