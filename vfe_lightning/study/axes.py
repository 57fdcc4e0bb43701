"""The axes of a scan as they are typed: `0.2,0.4` are values, `0.1:1` is a range, `1e-4:1:log` in decades."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from vfe_lightning.command_line import request
from vfe_lightning.declarations.changes import flat
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Refused
from vfe_lightning.usage import OWN_FLAGS

if TYPE_CHECKING:
    from optuna import Trial

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
RANGE = re.compile(rf"(?P<low>{NUMBER}):(?P<high>{NUMBER})(?P<log>:log)?")
SCALARS = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class Values:
    """Every one of them in a grid, or any in a search."""

    name: str
    values: tuple[Any, ...]

    def ask(self, trial: "Trial") -> Any:
        return _read(trial.suggest_categorical(self.name, self.values))

    def of(self, declaration: Mapping[str, Any]) -> Any:
        return _choice(reduce(getitem, self.name.split("."), declaration))

    def __str__(self) -> str:
        return f"{self.name} = {', '.join(map(str, self.values))}"


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included; integers where the field has no others."""

    name: str
    low: float
    high: float
    log: bool

    def ask(self, trial: "Trial") -> float:
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(self.name, self.low, self.high, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    def of(self, declaration: Mapping[str, Any]) -> float:
        return flat(declaration)[self.name]

    def __str__(self) -> str:
        return f"{self.name} from {self.low} to {self.high}{' in decades' if self.log else ''}"


Axis = Values | Range


def axes_of(
    experiment: DeclaredExperiment, flags: Mapping[str, Any]
) -> tuple[list[Axis], dict[str, Any], dict[str, Any]]:
    """Axes, the flags that are fixed, and the declaration of the first point; every point is tried out.

    Raises:
        Refused: a flag that no point knows, or a value that some point does not allow.
    """
    texts = {name: values(text) for name, text in flags.items() if name not in OWN_FLAGS}
    ranges = {name: found for name, (text, *_) in texts.items() if (found := RANGE.fullmatch(str(text)))}
    ranges = {name: found for name, found in ranges.items() if len(texts[name]) == 1}
    lists = {name: found for name, found in texts.items() if len(found) > 1}
    fixed = {name: value for name, value in flags.items() if name not in {*ranges, *lists}}
    read: dict[str, dict[str, Any]] = {name: {} for name in (*lists, *ranges)}
    first: dict[str, Any] = {}
    for point in _points(lists, ranges):
        asked = request(experiment, fixed | {name: _read(text) for name, text in point.items()})
        first = first or asked.experiment.declared()
        for name, text in point.items():
            read[name].setdefault(text, asked.changes[name])
    axes = [_range(name, ranges[name], read[name]) if name in ranges else _values(name, read[name], lists)
            for name in flags if name in read]  # fmt: skip
    return axes, fixed, first


def values(text: Any) -> list[Any]:
    """What stands between commas, those within brackets aside."""
    if not isinstance(text, str):
        return [text]
    found, depth = [""], 0
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [word.strip() for word in found]


def _points(
    lists: Mapping[str, Sequence[str]], ranges: Mapping[str, re.Match[str]]
) -> Iterator[dict[str, str]]:
    """Every combination of the values, at both ends of the ranges."""
    ends = [{name: found[end] for name, found in ranges.items()} for end in ("low", "high")]
    for point in itertools.product(*lists.values()):
        for end in ends if ranges else ends[:1]:
            yield dict(zip(lists, point, strict=True)) | end


def _values(name: str, read: Mapping[str, Any], lists: Mapping[str, Sequence[str]]) -> Values:
    found = tuple(map(_choice, read.values()))
    if len(set(found)) < len(lists[name]):
        raise Refused(f"--{name} {','.join(lists[name])}: a value is given twice")
    return Values(name, found)


def _range(name: str, typed: re.Match[str], read: Mapping[str, Any]) -> Range:
    low, high = read[typed["low"]], read[typed["high"]]
    if isinstance(low, str) or isinstance(high, str):
        raise Refused(f"--{name} {typed[0]} is not allowed: this is no number, so that it has no range")
    if not low < high:
        raise Refused(f"--{name} {typed[0]} is not allowed: the first end is to be the lower one")
    if typed["log"] and low <= 0:
        raise Refused(f"--{name} {typed[0]} is not allowed: decades are of numbers > 0")
    return Range(name, low, high, bool(typed["log"]))


def _choice(value: Any) -> Any:
    """What Optuna can choose: a list or a part is a text."""
    value = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    return value if isinstance(value, SCALARS) else json.dumps(value)


def _read(value: Any) -> Any:
    """A list or a part is typed as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) and value[:1] in ("[", "{") else value
    except ValueError:
        return value
