"""Six electrons in a trap against temperature: E, F and S beside path integrals and the Fermi flow.

A scan, not a search: one run at each beta, Z = 0.5. The table has the published numbers beside those of the
runs: Dornheim et al., J. Chem. Phys. 153, 234104 (2020); Xie, Zhang & Wang, arXiv 2105.08644, figure 4.

    python -m studies.quantum_dot_temperature --workers 2
    python -m studies.quantum_dot_temperature --name long --trainer.max_steps 400
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.quantum_dot import quantum_dot
from vfe_lightning import Study
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from vfe_lightning.study.plan import Report

BETA = (2.0, 3.0, 1.5, 6.0, 2.5, 4.0, 5.0)
SHORT = quantum_dot.vary(**{"trainer.max_steps": 60, "trainer.evaluation_batches": 100})


def against_beta(results: Sequence[Result]) -> "Report":
    from vfe_lightning.analysis.quantum_dot_scan import figure, temperature_table

    rows = temperature_table(results)
    others = ("path integrals", "Fermi flow")
    return rows, {"against_beta": figure(rows, "beta", others, r"$\beta \hbar \omega$")}


quantum_dot_temperature = Study.scan("quantum_dot_temperature", SHORT, {"beta": BETA}, against_beta, __doc__)

if __name__ == "__main__":
    quantum_dot_temperature.main()
