"""The effective mass of the 2D electron gas along an isotherm: m*/m = S/S_0 against r_s.

A scan, not a search: one run at each r_s at fixed theta, 13 electrons. The table and the figure
are the result; r_s -> 0 and --occupation.kind ideal_gas give 1. A point takes minutes; S converges
later than F: more steps and walkers are for numbers to be quoted.

    python -m studies.heg2d_isotherm --workers 2
    python -m studies.heg2d_isotherm --name long --batch_size 256 --trainer.max_steps 600
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.heg2d import heg2d
from vfe_lightning import Study
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from vfe_lightning.study.plan import Report

RS = (0.1, 1.0, 5.0, 10.0)
SHORT = heg2d.vary(
    batch_size=128, **{"flow.depth": 2, "trainer.max_steps": 100, "trainer.evaluation_batches": 20}
)


def effective_mass(results: Sequence[Result]) -> "Report":
    from vfe_lightning.analysis.effective_mass import figure, table

    rows = table(results)
    return rows, {"effective_mass": figure(rows)}


heg2d_isotherm = Study.scan("heg2d_isotherm", SHORT, {"rs": RS}, effective_mass, __doc__)

if __name__ == "__main__":
    heg2d_isotherm.main()
