"""Inverse Ising against temperature: couplings by the network and by three closed forms.

A scan, not a search: one run of 20 spins at each beta. The table and the figure are the result. Expansions
in small correlations win at high temperature and fail at low. Wu, Wang & Zhang, PRL 122, 080602 (2019),
figure 4 b.

    python -m studies.inverse_ising_beta --workers 2
    python -m studies.inverse_ising_beta --name measured --data_samples 100000
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.inverse_ising import inverse_ising
from vfe_lightning import Study
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from vfe_lightning.study.plan import Report

BETA = (0.1, 0.3, 0.6, 1.0, 1.5, 2.0)


def against_beta(results: Sequence[Result]) -> "Report":
    from vfe_lightning.analysis.spin_scan import inverse_figure, inverse_table

    rows = inverse_table(results)
    return rows, {"reconstruction_error_against_beta": inverse_figure(rows)}


inverse_ising_beta = Study.scan("inverse_ising_beta", inverse_ising, {"beta": BETA}, against_beta, __doc__)

if __name__ == "__main__":
    inverse_ising_beta.main()
