"""Lightning's own metrics, `self.log` of a system or callback, in the same MLflow run."""

import time
from collections.abc import Mapping

from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.utilities import rank_zero_only
from mlflow import MlflowClient

from vfe_lightning.tracking.items import metric_name
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.store import tracking_uri


class RunLogger(MLFlowLogger):
    """Logs by the record of the run, which waits for no server, and leaves the run's status to it."""

    def __init__(self, record: Record) -> None:
        super().__init__(tracking_uri=tracking_uri(), run_id=record.run_id)
        self.record = record

    @property
    def experiment(self) -> MlflowClient:
        """The client, for callbacks that speak to MLflow; they wait for its answers."""
        return self.record.client

    @property
    def run_id(self) -> str:
        return self.record.run_id

    @property
    def experiment_id(self) -> str:
        return self.record.experiment_id

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Numbers of one step; characters that MLflow refuses in names are left out."""
        values = {metric_name(name): float(value) for name, value in metrics.items()}
        self.record.metrics([(step or 0, int(time.time() * 1000), values)])

    def finalize(self, status: str = "success") -> None:
        pass
