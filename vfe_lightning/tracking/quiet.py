"""Messages of Lightning and MLflow that tell the user of a run nothing."""

import logging
import warnings

CHATTY = ("lightning.pytorch", "lightning.fabric", "lightning", "mlflow", "alembic")
POINTLESS = (
    r".*LeafSpec.*",
    r".*Checkpoint directory .* exists.*",
    r".*does not have many workers.*",
    r".*litlogger.*",
    r".*num_workers.*",
    r".*Trainer already configured with model summary.*",
    r".*no logger configured.*",
    r".*recommended to use `self.log.*",
    r".*is smaller than the logging interval.*|.*and your dataloader is not resumable.*",  # it counts steps
    r".*using `DistributedSampler` with the dataloaders.*|.*it is recommended to use .Trainer\(devices=1.*",
    r".*GPU available but not used.*",  # we say which device, and why
    r".*`broadcast_buffers` is deprecated.*",  # what replaces it is younger than torch 2.9
    r".*IterableDataset.*`__len__`.*",
)


def quiet() -> None:
    """Silence them for the rest of the process; warnings and errors of any weight stay."""
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # we say it in one line
    for message in POINTLESS:
        warnings.filterwarnings("ignore", message=message)
