"""What was typed, or stands in a file of flags: plain values by dotted names, before anybody judges them."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from vfe_lightning.declarations.changes import flat
from vfe_lightning.declarations.documents import bounded, content, parsed
from vfe_lightning.errors import Refused

SWITCHES = ("print_config", "take_over")  # flags that take no value
ALONE = (*SWITCHES, "help")  # and those that may stand without one


class Parser(argparse.ArgumentParser):
    """One that leaves it to the program how errors are told."""

    def error(self, message: str) -> NoReturn:
        raise Refused(message)


def split(argv: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Every `--name value` and `--name=value`, None where the next flag follows; and the other words.

    A part may be one value, `--network '{"kind": "made", "width": 4}'`; what is no JSON is refused.
    """
    flags: dict[str, Any] = {}
    stray: list[str] = []
    words = ["--help" if word == "-h" else word for word in argv]
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            stray.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if name == "config" and name in flags:
            raise Refused("--config is given twice: put both files into one")
        follows = words and not words[0].startswith("--") and name not in SWITCHES
        given = value if equals else words.pop(0) if follows else None
        part = flat({name: _part(name, given)}) if given and given.startswith("{") else {}
        flags |= part or {name: given}
    return flags, stray


def _part(name: str, text: str) -> dict[str, Any]:
    try:
        return bounded(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise Refused(f"--{name} {text:.60} is no JSON that is understood: {error}") from error


def read(path: str | None) -> dict[str, Any]:
    """The values of a configuration file, under dotted names.

    Raises:
        Refused: it cannot be read, or is none.
    """
    if path is None:
        return {}
    try:
        data = parsed(content(Path(path))) or {}
    except (OSError, ValueError) as error:
        raise Refused(f"--config {path}: {error}") from error
    if not isinstance(data, Mapping):
        raise Refused(f"--config {path}: expected lines such as `rs: 5`")
    return flat(data)


def check_values(flags: Mapping[str, Any], named: Mapping[str, str]) -> None:
    """Every flag has a value; what names a file or a run is not empty, as variables of scripts may be.

    Raises:
        Refused: otherwise.
    """
    for name, value in flags.items():
        if value is None and name not in ALONE:
            raise Refused(f"--{name}: expected one argument")
        if value == "" and name in named and name not in ALONE:
            raise Refused(f"--{name} is empty: {named[name]}")
