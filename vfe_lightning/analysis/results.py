"""Final numbers of a run, for other programs."""

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


def read(path: Path) -> pd.DataFrame:
    """What `table` has left.

    Raises:
        ValueError: it is damaged.
    """
    try:
        found = pd.read_csv(path)
        if found.columns[:3].tolist() == list(Row._fields[:3]) and found["value"].dtype.kind in "fi":
            return found
    except (OSError, ValueError) as error:  # as those of pandas are
        raise ValueError(f"{path} is damaged: {error}") from error
    raise ValueError(f"{path} is damaged: name, value, error are wanted")


def units_of_run(tags: Mapping[str, str]) -> str:
    """Of the energies of a recorded run, by its tags."""
    return units_text(tags.get("units", ""), tags.get("per", ""))
