"""What a run found: numbers with their errors, as plain data."""

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from vfe_lightning.found import Found, Status
from vfe_lightning.presentation import html

__all__ = ["Reference", "Result", "Status"]


@dataclass(frozen=True)
class Reference:
    """Exact values of a whole system in internal units, or per site or particle in reported ones.

    Each value has a bound on its error, of quadratures, cutoffs and rounding: a bound, no standard deviation.
    """

    free_energy: float
    energy: float | None = None
    entropy: float | None = None  # in units of k_B
    heat_capacity: float | None = None  # in units of k_B
    free_energy_error: float = 0.0
    energy_error: float = 0.0
    entropy_error: float = 0.0
    heat_capacity_error: float = 0.0

    @classmethod
    def thermal(
        cls, log_z: float, energy: float, beta: float, log_z_error: float, energy_error: float
    ) -> Self:
        """F, E and S = ln Z + beta E from ln Z and E at inverse temperature beta."""
        return cls(
            -log_z / beta,
            energy,
            log_z + beta * energy,
            free_energy_error=log_z_error / beta,
            energy_error=energy_error,
            entropy_error=log_z_error + beta * energy_error,
        )

    def per(self, size: int, energy_unit: float) -> Self:
        """The values of a whole system as they are reported: one internal unit is `energy_unit`."""
        energies = ("free_energy", "energy", "free_energy_error", "energy_error")
        units = {f.name: energy_unit if f.name in energies else 1.0 for f in fields(self)}
        values = {name: getattr(self, name) for name in units}
        return replace(self, **{k: None if v is None else v * units[k] / size for k, v in values.items()})


@dataclass(frozen=True)
class Result(Found):
    """What a run found, to be kept and shown; in a notebook a table, the answer first."""

    def plain(self) -> dict[str, Any]:
        """As JSON knows it, which has no NaN or infinity: None instead."""
        return _plain(asdict(self))

    def _repr_html_(self) -> str:
        return html(self)

    def write(self, path: Path | None) -> None:
        """As JSON; nothing where no file is wanted."""
        if path:
            path.write_text(json.dumps(self.plain(), indent=2, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
