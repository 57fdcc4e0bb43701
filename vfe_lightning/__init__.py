"""Variational free energy with Lightning: finite-temperature states of classical and quantum matter."""

from vfe_lightning.experiment import Experiment
from vfe_lightning.study import Study

__all__ = ["Experiment", "Study"]
