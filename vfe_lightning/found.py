"""The numbers of a run with their errors: what is known of them before anything is made of them."""

import math
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True)
class Found:
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
        verdict: whether sequential Monte Carlo was exact within its error, or why not; None without it.
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
    verdict: str | None = None
    alarms: dict[str, str] | None = None
    failures: dict[str, str] | None = None
    steps: int | None = None
    seconds_per_step: float | None = None
    error: str | None = None

    def number(self, name: str) -> tuple[float, float]:
        """A number by its name, and its error; NaN where there is none."""
        if self.observables and name in self.observables:
            return self.observables[name]["value"], self.observables[name]["error"]
        value, error = getattr(self, name, None), getattr(self, f"{name}_error", None)
        return math.nan if value is None else value, math.nan if error is None else error
