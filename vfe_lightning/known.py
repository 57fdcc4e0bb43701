"""The exact values that a run is compared with, or why there are none."""

import math
from typing import NamedTuple

from vfe_lightning.errors import NotKnown
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.result import Reference
from vfe_lightning.watch import ROUNDING

SHARE = 0.1  # of the statistical error of F: references are at least as exact


class Known(NamedTuple):
    """Exact values as they are reported, or the reason why they are not known."""

    reference: Reference | None = None
    reason: str | None = None

    @classmethod
    def of(cls, system: VariationalFreeEnergy, tolerance: float = math.inf) -> "Known":
        """As exact as they come, or to a tolerance of the F that is reported; a failure is a reason, too."""

        def found() -> Known:
            try:
                reference = system.reference(tolerance / system.reporting.unit)
            except NotKnown as reason:
                return cls(None, str(reason))
            return cls(reference.per(system.size, system.energy_unit))

        return system.failures.attempt("reference", found) or cls(
            None, f"it failed, {system.failures['reference']}"
        )

    def beside(self, system: VariationalFreeEnergy, error: float) -> "Known":
        """The same, more exact where the statistical error of F asks for it.

        Samples that all have the same F_loc leave no error but rounding, which asks for nothing.
        """
        if self.reference is None:
            return self
        tolerance = max(SHARE * error, ROUNDING * abs(self.reference.free_energy))
        return self if self.reference.free_energy_error <= tolerance else Known.of(system, tolerance)
