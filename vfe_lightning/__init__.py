"""Variational free energy with Lightning: finite-temperature states of classical and quantum matter."""

from vfe_lightning.experiment import Experiment

__all__ = ["Experiment"]
