"""The principal Hugoniot of deuterium: where shocks end, beside published points.

A scan, not a search: four atoms with electrons in their levels on a grid of temperatures and r_s. On each
isotherm H = E - E_0 + P (V - V_0) / 2 changes sign between two runs; the table has the compression and the
pressure there, with the errors of the runs. So small a cube at one twist has a curve of its own: more atoms
are long.

    python -m studies.deuterium_hugoniot --workers 2
    python -m studies.deuterium_hugoniot --name sixteen --n 16 --occupation.levels 16 --trainer.max_steps 300
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.hydrogen import hydrogen
from vfe_lightning import Study
from vfe_lightning.declarations import ElectronLevels
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from vfe_lightning.study.plan import Report

KELVIN, RS = (10_000.0, 20_000.0), (1.7, 1.9, 2.1)
DEUTERIUM = hydrogen.vary(mass=3697.9, occupation=ElectronLevels())


def shocked(results: Sequence[Result]) -> "Report":
    from vfe_lightning.analysis.hydrogen_curves import hugoniot, hugoniot_figure, isotherm_figure, table

    rows = table(results)
    curve = hugoniot(rows)
    return curve, {"hugoniot": hugoniot_figure(curve), "isotherms": isotherm_figure(rows)}


deuterium_hugoniot = Study.scan(
    "deuterium_hugoniot", DEUTERIUM, {"kelvin": KELVIN, "rs": RS}, shocked, __doc__
)

if __name__ == "__main__":
    deuterium_hugoniot.main()
