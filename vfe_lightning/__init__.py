"""Variational free energy with Lightning: finite-temperature states of classical and quantum matter."""

from typing import TYPE_CHECKING, Any

from vfe_lightning.experiment import Experiment
from vfe_lightning.study import Study

if TYPE_CHECKING:
    from vfe_lightning.trained import load

__all__ = ["Experiment", "Study", "load"]


def __getattr__(name: str) -> Any:
    """`load` brings torch with it, which a declaration does without."""
    if name == "load":
        from vfe_lightning.trained import load

        return load
    raise AttributeError(f"module {__name__} has no attribute {name}")
