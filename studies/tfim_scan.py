"""Transverse-field Ising model against one of its parameters: F, S, the heat capacity and the spectrum.

A scan, not a search: one run at each value. Liu, Mao, Zhang & Wang, Mach. Learn.: Sci. Technol. 2, 025011
(2021), figures 2 and 4.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.tfim import tfim
from vfe_lightning import Experiment, Study
from vfe_lightning.declarations import Grid
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from optuna import Trial

    from vfe_lightning.study.plan import Report


def scan(name: str, parameter: str, values: tuple[float, ...], label: str) -> Study:
    """The study that runs `tfim` at each of these values and draws its results against them."""

    def experiment(trial: "Trial") -> Experiment:
        return tfim.vary(**{parameter: trial.suggest_categorical(parameter, values)})

    def report(results: Sequence[Result]) -> "Report":
        from vfe_lightning.analysis.quantum_spin_scan import figure, table

        rows = table(results, parameter)
        return rows, {f"against_{parameter}": figure(rows, parameter, label)}

    search = Grid(values={parameter: values})
    return Study(name=name, experiment=experiment, search=search, pruning=None, report=report)
