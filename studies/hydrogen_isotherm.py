"""P and E of dense hydrogen along an isotherm: the virial beside -dF/dV of neighbouring runs.

A scan, not a search: four atoms at 10000 K, one run at each r_s. The two pressures come from different parts
of a run and agree where it has converged; the table and the figure have both, with the motion of the nuclei.

    python -m studies.hydrogen_isotherm --workers 2
    python -m studies.hydrogen_isotherm --name long --n 8 --kelvin 6000 --trainer.max_steps 300
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.hydrogen import hydrogen
from vfe_lightning import Study
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from vfe_lightning.study.plan import Report

RS = (2.0, 1.8, 2.2, 1.6, 2.5)


def equation_of_state(results: Sequence[Result]) -> "Report":
    from vfe_lightning.analysis.hydrogen_curves import isotherm_figure, table

    rows = table(results)
    return rows, {"isotherm": isotherm_figure(rows)}


hydrogen_isotherm = Study.scan("hydrogen_isotherm", hydrogen, {"rs": RS}, equation_of_state, __doc__)

if __name__ == "__main__":
    hydrogen_isotherm.main()
