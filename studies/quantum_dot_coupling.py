"""Three electrons in a trap against the coupling: from free electrons to a Wigner molecule.

A scan, not a search: one run at each Z, beta = 10. The table has E, F and S beside the Fermi flow of Xie,
Zhang & Wang, arXiv 2105.08644, configuration interaction, and the classical limit, which E approaches; the
densities of the runs show the shells.

    python -m studies.quantum_dot_coupling --workers 2
    python -m studies.quantum_dot_coupling --name four --n_up 4
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.quantum_dot import quantum_dot
from vfe_lightning import Study
from vfe_lightning.declarations import Levels, TrapConfigurationInteraction
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from vfe_lightning.study.plan import Report

Z = (2.0, 8.0, 4.0, 0.5, 1.0)
COLD = quantum_dot.vary(
    n_up=3,
    beta=10.0,
    base_states=TrapConfigurationInteraction(cutoff=4),
    occupation=Levels(),
    **{"optimizer.classical.rate": 1.0, "trainer.max_steps": 100, "trainer.evaluation_batches": 60},
)


def against_z(results: Sequence[Result]) -> "Report":
    from vfe_lightning.analysis.quantum_dot_scan import coupling_table, figure

    rows = coupling_table(results)
    others = ("Fermi flow", "configuration interaction", "Wigner molecule")
    return rows, {"against_z": figure(rows, "z", others, "$Z$")}


quantum_dot_coupling = Study.scan("quantum_dot_coupling", COLD, {"z": Z}, against_z, __doc__)

if __name__ == "__main__":
    quantum_dot_coupling.main()
