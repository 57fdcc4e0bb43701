"""A few words that tell one declared run from others."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

_MISSING = object()
LONGEST = 100  # characters: what a table of runs has room for


def label(system: BaseModel, declared: Mapping[str, Any], usual: Mapping[str, Any], seed: int) -> str:
    """The physics, every value that is not as usual, and the seed.

    Too long a label is cut, and ends in a digest of all values.

    Args:
        declared: all values under dotted names.
        usual: those of the experiment that this one was varied from.
    """
    physics = {
        name: value
        for name, info in type(system).model_fields.items()
        if name in declared
        and _plain(value := getattr(system, name))
        and (info.is_required() or value != info.default)
    }
    others = {name: value for name, value in declared.items() if usual.get(name, _MISSING) != value}
    others = {name: value for name, value in others.items() if name not in {*physics, "seed", "name"}}
    words = [f"{name}={_word(value)}" for name, value in {**physics, **_shortened(others)}.items()]
    text = " ".join([*words, f"#{seed}"])
    if len(text) <= LONGEST:
        return text
    digest = hashlib.sha256(json.dumps(declared, sort_keys=True, default=str).encode()).hexdigest()[:8]
    kept = text[: LONGEST - len(digest) - len(f" ... #{seed} ")].rsplit(" ", 1)[0]
    return f"{kept} ... #{seed} {digest}"


def _plain(value: Any) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _word(value: Any) -> str:
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value).replace(" ", "")


def _shortened(values: Mapping[str, Any]) -> dict[str, Any]:
    """By the last parts of their names, where these tell them apart; a `kind` by the name of its part."""
    short = {name: name.removesuffix(".kind").rpartition(".")[2] for name in values}
    return {short[n] if list(short.values()).count(short[n]) == 1 else n: v for n, v in values.items()}
