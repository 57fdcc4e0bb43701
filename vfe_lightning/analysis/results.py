"""Final numbers of a run, for other programs."""

from collections.abc import Mapping

import pandas as pd

from vfe_lightning.notation import units_text
from vfe_lightning.presentation import Row, groups
from vfe_lightning.result import Result


def table(result: Result) -> pd.DataFrame:
    """name, value, error, units, per, state: one row a number; errors of exact numbers are bounds or empty.

    `state` is what a number is of: the variational one, the Gibbs state by reweighting, or the exact result.
    """
    rows = [row for group in groups(result).values() for row in group]
    return pd.DataFrame(rows, columns=list(Row._fields))


def units_of_run(tags: Mapping[str, str]) -> str:
    """Of the energies of a recorded run, by its tags."""
    return units_text(tags.get("units", ""), tags.get("per", ""))
