"""Final numbers of a run, for other programs."""

import csv
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from vfe_lightning.notation import units_text
from vfe_lightning.presentation import Row, groups
from vfe_lightning.result import Result

TABLE = "results.csv"  # among the artifacts of a run


def table(result: Result) -> pd.DataFrame:
    """name, value, error, units, per, state: one row a number; errors of exact numbers are bounds or empty.

    `state` is what a number is of: the variational one, the Gibbs state by reweighting, or the exact result.
    """
    rows = [row for group in groups(result).values() for row in group]
    return pd.DataFrame(rows, columns=list(Row._fields))


def read(path: Path) -> list[tuple[str, float, float]]:
    """Names, values and errors of what `table` has left; NaN where it has no error.

    Raises:
        ValueError: it is damaged.
    """
    try:
        with path.open(newline="") as file:
            lines = list(csv.DictReader(file))
        if not lines or any(None in line.values() for line in lines):
            raise ValueError("it is cut short")
        number = {name: [float(line[name] or "nan") for line in lines] for name in ("value", "error")}
        return list(zip([line["name"] for line in lines], number["value"], number["error"], strict=True))
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def units_of_run(tags: Mapping[str, str]) -> str:
    """Of the energies of a recorded run, by its tags."""
    return units_text(tags.get("units", ""), tags.get("per", ""))
