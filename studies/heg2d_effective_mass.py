"""The effective mass of the polarised 2D electron gas by two routes: S/S_0, and the slope of the dispersion.

A scan, not a search: one run at each N and r_s at theta = 0.15, then fresh samples of each, on which energies
are regressed. The routes must come together as N grows and p(K) gets stationary. The published points, of N =
29 and 49, are in the figure: Xie, Zhang & Wang, SciPost Phys. 14, 154 (2023). A point takes minutes.

    python -m studies.heg2d_effective_mass --workers 2
    python -m studies.heg2d_effective_mass --name long --batch_size 2048 --trainer.max_steps 600
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.heg2d import heg2d
from vfe_lightning import Study
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from vfe_lightning.study.plan import Report

N, RS = (5, 13), (0.25, 1.0, 5.0)
SHORT = heg2d.vary(
    batch_size=128, **{"flow.depth": 2, "trainer.max_steps": 60, "trainer.evaluation_batches": 20}
)


def by_both_routes(results: Sequence[Result]) -> "Report":
    from vfe_lightning.analysing.effective_masses import figure, table

    rows = table(results)
    return rows, {"effective_mass": figure(rows)}


heg2d_effective_mass = Study.scan("heg2d_effective_mass", SHORT, {"n": N, "rs": RS}, by_both_routes, __doc__)

if __name__ == "__main__":
    heg2d_effective_mass.main()
