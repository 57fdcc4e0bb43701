"""What every declaration is: frozen plain data that refuses unknown fields and values out of range."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

LARGEST, SMALLEST = 1e100, 1e-100  # whose squares and products are still numbers in double precision
MOST = 2**53  # integers up to here are numbers in double precision, too


def bounded(value: Any) -> Any:
    """A value whose size leaves room to compute with it.

    Raises:
        ValueError: a number that is too large or too close to zero.
    """
    if isinstance(value, int) and abs(value) > MOST:
        raise ValueError(f"{value:.3g} is not allowed: at most {MOST}")
    if isinstance(value, float) and value and math.isfinite(value) and not SMALLEST <= abs(value) <= LARGEST:
        raise ValueError(f"{value:g} is not allowed: 0, or from {SMALLEST:g} to {LARGEST:g} in size")
    return value


class Declaration(BaseModel):
    """Plain data that names a physical system, a part of an ansatz, an optimiser or a budget.

    Attributes:
        withdraws: where fields follow from each other, those that a change of one withdraws.
    """

    withdraws: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _none_in_words(cls, given: Any) -> Any:
        """What the help of a flag calls none, where the field may be."""
        if not isinstance(given, Mapping):
            return given
        optional = {name for name, f in cls.model_fields.items() if type(None) in get_args(f.annotation)}
        return {k: None if k in optional and v in ("none", "null") else v for k, v in given.items()}

    @field_validator("*", check_fields=False)
    @classmethod
    def _of_a_size_to_compute_with(cls, given: Any) -> Any:
        return bounded(given)
