"""YAML and JSON that somebody has written: plain data of bounded depth and size, without circles."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

WIDEST = 64  # bits: those of a seed
LONGEST = 2**26  # bytes of a file: more is none that somebody has written
DEEPEST, MOST = 50, 1_000_000  # levels, and values once what stands for others is written out


def parsed(source: str | bytes) -> Any:
    """The data of one YAML document, of which JSON is a part; bytes are UTF-8, or UTF-16 with its mark.

    Raises:
        ValueError: it is none, or its data are not bounded.
    """
    import yaml

    try:
        data = yaml.safe_load(source)
    except RecursionError as error:
        raise ValueError(f"it is nested more than {DEEPEST} deep") from error
    except Exception as error:  # PyYAML lets through whatever its own conversions raise
        raise ValueError(" ".join(str(error).split())[:200] or type(error).__name__) from error
    return bounded(data)


def content(path: Path) -> bytes:
    """Of a file; of a device that has no end no more than a file may have.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too long.
    """
    with path.open("rb") as file:
        found = file.read(LONGEST + 1)
    if len(found) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST >> 20} MiB")
    return found


def bounded(data: Any) -> Any:
    """The same data.

    Raises:
        ValueError: they are too deep, too many, part of themselves, or no plain data.
    """
    level, found = [data], 0
    for _ in range(DEEPEST):
        level = list(islice((inner for value in level for inner in _within(value)), MOST + 1))
        found += len(level)
        if found > MOST:
            raise ValueError(f"it has more than {MOST} values, where what it repeats is written out")
        if not level:
            return data
    raise ValueError(f"it is nested more than {DEEPEST} deep, or within itself")


def _within(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise ValueError(f"{name!r:.60} is no name: put it in quotes if it is meant to be one")
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
    elif isinstance(value, int) and value.bit_length() > WIDEST:
        raise ValueError(f"it has an integer of more than {WIDEST} bits")
