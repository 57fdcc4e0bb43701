"""Transverse-field Ising model against the field: F, S, the heat capacity and the spectrum.

A scan, not a search: one run at each gamma, beta = 1. Liu, Mao, Zhang & Wang, Mach. Learn.: Sci. Technol. 2,
025011 (2021).

    python -m studies.tfim_field --workers 2
    python -m studies.tfim_field --name small --nx 2 --beta 2
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.tfim import tfim
from vfe_lightning import Experiment, Study
from vfe_lightning.declarations import Grid
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from optuna import Trial

    from vfe_lightning.study.study import Report

GAMMA = tuple(k / 2 for k in range(9))


def field(trial: "Trial") -> Experiment:
    return tfim.vary(gamma=trial.suggest_categorical("gamma", GAMMA))


def against_gamma(results: Sequence[Result]) -> "Report":
    from vfe_lightning.analysis.quantum_spin_scan import figure, table

    rows = table(results, "gamma")
    return rows, {"against_gamma": figure(rows, "gamma", r"$\Gamma$")}


tfim_field = Study(
    name="tfim_field",
    experiment=field,
    search=Grid(values={"gamma": GAMMA}),
    pruning=None,
    report=against_gamma,
)

if __name__ == "__main__":
    tfim_field.main()
