"""Couplings, fields and Pauli sums from files and arrays: read once, and then plain values.

A declaration holds the values and not the path, so that a run goes on and loads without the file, and one
whose file has changed is another declaration. What is long is shown by its shape and a hash of its values.
"""

import csv
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from vfe_lightning.declarations.base import bounded
from vfe_lightning.declarations.documents import content, parsed

LONGEST = 100  # characters of values that are shown as they are
MOST_COUPLED = 400  # spins: all couplings are part of each checkpoint


@dataclass(frozen=True)
class Allowed:
    """What a field may be, in words, where its type does not say it."""

    words: str


def shown(value: Any) -> Any:
    """A value as tables and names have it: long data by shape and hash."""
    if not isinstance(value, list | tuple) or len(text := json.dumps(value)) <= LONGEST:
        return value
    widths = {len(row) for row in value if isinstance(row, list | tuple)}
    shape = f"{len(value)} x {widths.pop()}" if len(widths) == 1 else str(len(value))
    return f"{shape} values, sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def couplings(given: Any) -> tuple[tuple[float, ...], ...]:
    """J_ij: a symmetric matrix with zeros on its diagonal, or a file of it or of bonds i, j, J."""
    rows = read(given, "J")
    if isinstance(given, str | Path) and rows and [str(w).strip() for w in rows[0]] == ["i", "j", "J"]:
        rows = _of_bonds(rows[1:])
    try:
        J = [[_number(value) for value in row] for row in rows]
    except TypeError as error:
        raise ValueError(f"rows of numbers are wanted, not {rows!r:.60}") from error
    n = len(J)
    if n < 2 or any(len(row) != n for row in J):
        raise ValueError(
            f"a square matrix is wanted: it has {n} rows, of {sorted({len(r) for r in J})} numbers"
        )
    if n > MOST_COUPLED:
        raise ValueError(f"{n} spins are more than the {MOST_COUPLED} of a declaration: declare a System")
    rounding = 1e-12 * max(abs(value) for row in J for value in row)
    for i in range(n):
        if J[i][i]:
            raise ValueError(f"J[{i}][{i}] = {J[i][i]:g}: the diagonal must be zero, since s_i^2 = 1")
        for j in range(i):
            if abs(J[i][j] - J[j][i]) > rounding:
                raise ValueError(
                    f"not symmetric: J[{j}][{i}] = {J[j][i]:g}, but J[{i}][{j}] = {J[i][j]:g}; "
                    "each bond stands in both places and counts once"
                )
            J[j][i] = J[i][j]
    return tuple(map(tuple, J))


def fields(given: Any) -> tuple[float, ...]:
    """h_i: one number a spin, or a file of them, in one line or in one each."""
    return tuple(_number(v) for row in read(given, "h") for v in (row if _is_row(row) else [row]))


def pauli_terms(given: Any) -> tuple[tuple[float, str, tuple[int, ...]], ...]:
    """[coefficient, "XX", [0, 1]] each, or a file of them; of CSV: coefficient, letters, sites as "0 1"."""
    terms = [_term(row) for row in read(given, "terms")]
    if not terms:
        raise ValueError("there are no terms")
    return tuple(terms)


def read(given: Any, name: str) -> list:
    """What is in a file, or was typed as [...], or is an array or the data itself.

    Raises:
        ValueError: no file, none that is understood, or no list.
    """
    if isinstance(given, str) and given.lstrip().startswith("["):
        given = _parsed(given, "what was typed")
    elif isinstance(given, str | Path):
        given = _file(Path(given), name)
    data = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(data, dict) and name in data:
        data = data[name]
    if not _is_row(data):
        raise ValueError(f"a file or a list is wanted, not {data!r:.60}")
    return list(data)


def _file(path: Path, name: str) -> Any:
    try:
        match path.suffix:
            case ".csv":
                with path.open(newline="") as lines:
                    return [row for row in csv.reader(lines) if row and not row[0].startswith("#")]
            case ".json" | ".yaml" | ".yml":
                return _parsed(content(path), str(path))
            case ".npy" | ".npz":
                return _array(path, name)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error
    raise ValueError(f"{path} is none of .csv, .json, .yaml, .npy, .npz")


def _array(path: Path, name: str) -> Any:
    import numpy

    held = numpy.load(path, allow_pickle=False)
    if path.suffix == ".npy":
        return held
    if name not in held and len(held.files) != 1:
        raise ValueError(f"{path} has no array {name}, but {', '.join(held.files)}")
    return held[name if name in held else held.files[0]]


def _parsed(source: str | bytes, what: str) -> Any:
    try:
        return parsed(source)
    except ValueError as error:
        raise ValueError(f"{what} is neither JSON nor YAML: {error}") from error


def _is_row(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _number(value: Any) -> float:
    """Typed as text in CSV, and in YAML where it is 1e-3."""
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{value!r} is no number") from error
    if not math.isfinite(number):
        raise ValueError(f"{value} is not finite")
    return bounded(number)


def _of_bonds(rows: list) -> list[list[float]]:
    bonds = [(int(i), int(j), _number(value)) for i, j, value in rows]
    n = 1 + max((max(i, j) for i, j, _ in bonds), default=0)
    J = [[0.0] * n for _ in range(n)]
    for i, j, value in bonds:
        if min(i, j) < 0 or i == j or J[i][j]:
            raise ValueError(f"the bond {i}, {j} is of no two spins, or stands there twice")
        J[i][j] = J[j][i] = value
    return J


def _term(row: Any) -> tuple[float, str, tuple[int, ...]]:
    try:
        coefficient, letters, sites = row
        sites = sites.split() if isinstance(sites, str) else sites
        term = _number(coefficient), str(letters).strip(), tuple(int(site) for site in sites)
    except (TypeError, ValueError) as error:
        raise ValueError(f'a term is [coefficient, "XX", [0, 1]], not {row!r:.60}: {error}') from error
    _, letters, sites = term
    if not letters or set(letters) - set("XYZ") or len(letters) != len(sites):
        raise ValueError(f"{list(row)}: one of X, Y, Z for each of its sites is wanted")
    if len(set(sites)) != len(sites) or min(sites) < 0:
        raise ValueError(f"{list(row)}: sites are counted from 0, each at most once in a term")
    return term


Couplings = Annotated[
    tuple[tuple[float, ...], ...], BeforeValidator(couplings), Allowed("a file or rows of numbers")
]
Fields = Annotated[tuple[float, ...], BeforeValidator(fields), Allowed("a file or numbers")]
PauliTerms = Annotated[
    tuple[tuple[float, str, tuple[int, ...]], ...],
    BeforeValidator(pauli_terms),
    Allowed('a file or [[coefficient, "XX", [0, 1]], ...]'),
]
