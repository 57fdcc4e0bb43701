"""Lightning's trainer, as a run declares it."""

from collections.abc import Sequence

import lightning as L
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy

from vfe_lightning import declarations
from vfe_lightning.tracking.logger import RunLogger
from vfe_lightning.tracking.monitored import Monitored
from vfe_lightning.tracking.progress import Progress
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.store import project_root


def make_trainer(
    budget: declarations.Trainer, units: str, record: Record | None, callbacks: Sequence[Callback]
) -> L.Trainer:
    """A trainer that evaluates nothing while it fits; rank 0 has the record and writes to it."""
    several = budget.devices * budget.num_nodes > 1 or budget.strategy == "ddp"
    own: list[Callback] = [Progress(units)] if record and budget.progress_bar else []
    return L.Trainer(
        max_steps=budget.max_steps,
        accelerator=budget.accelerator,
        devices=budget.devices,
        num_nodes=budget.num_nodes,
        # Each rank has walkers of its own: buffers are not to be overwritten by those of rank 0.
        strategy=DDPStrategy(broadcast_buffers=False) if several else "auto",
        precision="64-true",
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
