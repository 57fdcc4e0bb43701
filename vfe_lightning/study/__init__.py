"""Many experiments that Optuna chooses: searches of an ansatz, and scans of state points."""

from vfe_lightning.study.study import Study

__all__ = ["Study"]
