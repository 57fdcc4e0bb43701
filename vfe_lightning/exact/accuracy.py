"""How exact an exact value is: rounding, and what is done where it is not enough."""

import math
from dataclasses import replace

import torch

from vfe_lightning.errors import NotKnown
from vfe_lightning.result import Reference

EPSILON = torch.finfo(torch.float64).eps


def checked(reference: Reference, tolerance: float) -> Reference:
    """The same values, all of them finite, and F within `tolerance`.

    Values beside F that are not finite, or have no finite bound on their error, are left out.

    Raises:
        NotKnown: F is not finite, or its error is above the tolerance.
    """
    f, error = reference.free_energy, reference.free_energy_error
    if not (math.isfinite(f) and math.isfinite(error)):
        raise NotKnown("the exact free energy overflows double precision at these parameters")
    if error > tolerance:
        raise NotKnown(f"the exact free energy is known to within {error:.1g} in all, not to {tolerance:.1g}")
    kept = {
        name: value if known(value, bound) else None
        for name in ("energy", "entropy", "heat_capacity")
        for value, bound in [(getattr(reference, name), getattr(reference, f"{name}_error"))]
    }
    bounds = {f"{name}_error": 0.0 for name, value in kept.items() if value is None}
    return replace(reference, **kept, **bounds)


def known(value: float | None, bound: float) -> bool:
    return value is not None and math.isfinite(value) and math.isfinite(bound)
