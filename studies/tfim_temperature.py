"""Transverse-field Ising model against temperature: F, S, the heat capacity and the spectrum against exact.

A scan, not a search: one run at each beta, gamma = 1. Liu, Mao, Zhang & Wang, Mach. Learn.: Sci. Technol. 2,
025011 (2021).

    python -m studies.tfim_temperature --workers 2
    python -m studies.tfim_temperature --name small --nx 2 --gamma 2
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

BETA = tuple(k / 10 for k in range(1, 11))


def temperature(trial: "Trial") -> Experiment:
    return tfim.vary(beta=trial.suggest_categorical("beta", BETA))


def against_beta(results: Sequence[Result]) -> "Report":
    from vfe_lightning.analysis.quantum_spin_scan import figure, table

    rows = table(results, "beta")
    return rows, {"against_beta": figure(rows, "beta", r"$\beta$")}


tfim_temperature = Study(
    name="tfim_temperature",
    experiment=temperature,
    search=Grid(values={"beta": BETA}),
    pruning=None,
    report=against_beta,
)

if __name__ == "__main__":
    tfim_temperature.main()
