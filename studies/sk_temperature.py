"""Spin glass against temperature: the network, naive mean field and Bethe against the exact free energy.

A scan, not a search: one run of 20 spins at each beta. The table and the figure are the result; where
belief propagation does not converge Bethe has a gap. Wu, Wang & Zhang, PRL 122, 080602 (2019), figure 4 a.

    python -m studies.sk_temperature --workers 2
    python -m studies.sk_temperature --name other --disorder_seed 3
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.sk import sk
from vfe_lightning import Study
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from vfe_lightning.study.plan import Report

BETA = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)


def against_beta(results: Sequence[Result]) -> "Report":
    from vfe_lightning.analysis.spin_scan import figure, table

    rows = table(results)
    return rows, {"free_energy_against_beta": figure(rows)}


sk_temperature = Study.scan("sk_temperature", sk, {"beta": BETA}, against_beta, __doc__)

if __name__ == "__main__":
    sk_temperature.main()
