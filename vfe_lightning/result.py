"""What a run found: numbers with their errors, as plain data."""

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, Self

Status = Literal["FINISHED", "FAILED", "KILLED"]


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
class Result:
    """Energies and the entropy are per site or particle; None where a number is not known.

    Of a run that did not finish they are those of its last training step.

    Attributes:
        variance: of single samples of F_loc per site or particle, zero when rho is exact.
        units: of the energies; the entropy is in units of k_B.
        per: what the energies and the entropy are of: an electron, a spin, a site, the whole system.
        excess: free_energy - reference_free_energy.
        reference_free_energy_error: a bound on its error, as of the other reference values.
        no_reference: why there is no reference.
        landmarks: free energies of approximations, such as Hartree-Fock, by their names.
        observables: everything else that was measured: {name: {"value", "error", "units", "per"}}.
        parameters: which ones the numbers are of: "mean", "last" or "start".
        candidates: F of each of them from other samples, or the loss, where that is not F but has no units:
            {name: {"value", "error", "units", "per"}}.
        alarms: numbers that contradict each other or rest on too little: what, and what to do.
        failures: what failed of what only decorates a run: pictures, references, profiles.
        seconds: of this session, from start to end.
        seconds_per_step: the median over the training steps of this session, or of earlier ones.
    """

    status: Status
    run_id: str | None
    name: str
    declaration: dict[str, Any]
    seconds: float
    size: int | None = None
    units: str | None = None
    per: str | None = None
    free_energy: float | None = None
    free_energy_error: float | None = None
    energy: float | None = None
    energy_error: float | None = None
    entropy: float | None = None
    entropy_error: float | None = None
    variance: float | None = None
    reference_free_energy: float | None = None
    excess: float | None = None
    reference_energy: float | None = None
    reference_entropy: float | None = None
    reference_heat_capacity: float | None = None
    reference_free_energy_error: float | None = None
    reference_energy_error: float | None = None
    reference_entropy_error: float | None = None
    reference_heat_capacity_error: float | None = None
    no_reference: str | None = None
    landmarks: dict[str, float] | None = None
    observables: dict[str, dict[str, Any]] | None = None
    parameters: str | None = None
    candidates: dict[str, dict[str, Any]] | None = None
    alarms: dict[str, str] | None = None
    failures: dict[str, str] | None = None
    steps: int | None = None
    seconds_per_step: float | None = None
    error: str | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON knows it, which has no NaN or infinity: None instead."""
        return _plain(asdict(self))

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        from vfe_lightning.presentation import html

        return html(self)

    def write(self, path: Path | None) -> None:
        """As JSON; nothing where no file is wanted."""
        if path:
            path.write_text(json.dumps(self.plain(), indent=2, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
