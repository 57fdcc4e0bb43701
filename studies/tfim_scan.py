"""Transverse-field Ising model against one of its parameters: F, S, the heat capacity and the spectrum.

A scan, not a search: one run at each value. Liu, Mao, Zhang & Wang, Mach. Learn.: Sci. Technol. 2, 025011
(2021), figures 2 and 4.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.tfim import tfim
from vfe_lightning import Study
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from vfe_lightning.study.plan import Report


def scan(name: str, parameter: str, values: tuple[float, ...], label: str) -> Study:
    """The study that runs `tfim` at each of these values and draws its results against them."""

    def report(results: Sequence[Result]) -> "Report":
        from vfe_lightning.analysis.quantum_spin_scan import figure, table

        rows = table(results, parameter)
        return rows, {f"against_{parameter}": figure(rows, parameter, label)}

    return Study.scan(name, tfim, {parameter: values}, report, __doc__)
