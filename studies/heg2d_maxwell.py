"""Maxwell's relation of the 2D electron gas: (dS/dn)_T from p(K) against -(dmu/dT)_n from the virial.

A scan, not a search: five electrons on a grid of r_s and theta. The two sides come from different parts of a
run, and agree where it has converged; the table and the figure have both, and the ideal gas. Kuntsevich et
al., Nature Comm. 6, 7298 (2015), measured it in silicon, which has two valleys.

    python -m studies.heg2d_maxwell --workers 2
    python -m studies.heg2d_maxwell --name long --n 13 --batch_size 1024 --trainer.max_steps 400
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.heg2d import heg2d
from vfe_lightning import Study
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from vfe_lightning.study.plan import Report

RS, THETA = (0.5, 1.0, 2.0), (0.2, 0.35, 0.5)
SHORT = heg2d.vary(n=5, **{"flow.depth": 2, "trainer.max_steps": 60, "trainer.evaluation_batches": 100})


def both_sides(results: Sequence[Result]) -> "Report":
    from vfe_lightning.analysis.maxwell import figure, table

    rows = table(results)
    return rows, {"maxwell": figure(rows)}


heg2d_maxwell = Study.scan("heg2d_maxwell", SHORT, {"rs": RS, "theta": THETA}, both_sides, __doc__)

if __name__ == "__main__":
    heg2d_maxwell.main()
