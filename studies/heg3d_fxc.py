"""The exchange-correlation free energy of the infinite 3D electron gas: isotherms against the published fit.

A scan, not a search: runs at several N and r_s in the cold, where the ansatz is good, corrected for their
boxes and extrapolated in 1/N. The table has all steps, the figures the fits and r_s f_xc beside Groth et al.,
PRL 119, 135001 (2017).

    python -m studies.heg3d_fxc --workers 2
    python -m studies.heg3d_fxc --name warm --theta 0.25
    python -m studies.heg3d_fxc --name long --batch_size 512 --flow.depth 3 --trainer.max_steps 400
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.heg3d import heg3d
from vfe_lightning import Study
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from vfe_lightning.study.plan import Report

N, RS = (7, 19, 27), (1.0, 2.0, 4.0)  # closed shells
SHORT = heg3d.vary(theta=0.125, **{"occupation.kind": "quasiparticle", "trainer.max_steps": 100})


def in_the_limit(results: Sequence[Result]) -> "Report":
    from vfe_lightning.analysis.finite_size_scan import fits, isotherms, table

    rows = table(results)
    return rows, {"finite_size": fits(rows), "f_xc": isotherms(rows)}


heg3d_fxc = Study.scan("heg3d_fxc", SHORT, {"n": N, "rs": RS}, in_the_limit, __doc__)

if __name__ == "__main__":
    heg3d_fxc.main()
