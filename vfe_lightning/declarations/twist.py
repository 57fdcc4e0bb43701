"""Offsets of the momenta of particles in a periodic box, in 2 pi / L: the phases of twisted boundaries.

One twist is a number, the same along each axis, or a vector; several are drawn, one a sample, so that F, E
and S are averages over them: C. Lin, F. H. Zong, D. M. Ceperley, Phys. Rev. E 64, 016702 (2001).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt, ValidationError

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.changes import explain
from vfe_lightning.declarations.data import Allowed


class TwistAverage(Declaration):
    """Each sample draws its own, uniformly: F, E and S are averages over all twists."""

    kind: Literal["average"] = "average"


class Baldereschi(Declaration):
    """The mean-value point of the square and of the cube, 1/4 along each axis: PRB 7, 5212 (1973)."""

    kind: Literal["baldereschi"] = "baldereschi"


class MonkhorstPack(Declaration):
    """Each sample draws its own from a regular grid that is symmetric around zero: PRB 13, 5188 (1976)."""

    kind: Literal["monkhorst_pack"] = "monkhorst_pack"
    points: PositiveInt = Field(default=4, le=64, description="twists along each axis")

    @property
    def axis(self) -> tuple[float, ...]:
        """The twists along an axis."""
        return tuple((2 * j + 1 - self.points) / (2 * self.points) for j in range(self.points))


Several = TwistAverage | MonkhorstPack
Twists = tuple[float, ...] | Several  # one component an axis, or many twists
KINDS = {"average": TwistAverage, "baldereschi": Baldereschi, "monkhorst_pack": MonkhorstPack}


def _read(given: Any) -> Any:
    """A number, components, also as text with commas, or the name of a kind or its values."""
    if isinstance(given, Mapping):
        return _of_kind(dict(given))
    if isinstance(given, str):
        text = given.strip().removeprefix("[").removesuffix("]")
        if text in KINDS:
            return KINDS[text]()
        given = (
            [word.strip() for word in text.split(",")] if given.strip()[:1] == "[" or "," in text else text
        )
    if isinstance(given, Sequence) and not isinstance(given, str):
        return tuple(map(_component, given))
    return given if isinstance(given, Declaration) else _component(given)


def _of_kind(given: dict[str, Any]) -> Declaration:
    kind = given.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"kind = {kind} is not allowed: one of {', '.join(KINDS)}")
    try:
        return KINDS[kind](**given)
    except ValidationError as error:
        raise ValueError(explain(error, KINDS[kind])) from error


def _component(given: Any) -> float:
    try:
        found = float(given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{given!r:.60} is no number and none of {', '.join(KINDS)}") from error
    if not math.isfinite(found) or isinstance(given, bool):
        raise ValueError(f"{given} is no finite number")
    if abs(found) > 0.5:
        raise ValueError(f"{found:g} is to be greater than or equal to -0.5 and less than or equal to 0.5")
    return found


Twist = Annotated[
    float | tuple[float, ...] | TwistAverage | Baldereschi | MonkhorstPack,
    BeforeValidator(_read),
    Allowed(f"-0.5 to 0.5, as .25 or .25,.1,0, or {', '.join(KINDS)}"),
]


def _real(given: Any) -> Any:
    found = _read(given)
    components = found if isinstance(found, tuple) else (found,)
    if any(isinstance(c, Declaration) or abs(c) not in (0.0, 0.5) for c in components):
        raise ValueError(f"{given} is none of 0 and .5 along each axis, where functions stay real")
    return found


RealTwist = Annotated[
    float | tuple[float, float, float],
    BeforeValidator(_real),
    Allowed("0 or .5 along each axis, as .5 or .5,0,0"),
]


def twists(declared: Any, dim: int) -> Twists:
    """What a declared twist means in so many dimensions."""
    match declared:
        case TwistAverage() | MonkhorstPack():
            return declared
        case Baldereschi():
            return (0.25,) * dim
        case tuple():
            return declared
    return (declared,) * dim
