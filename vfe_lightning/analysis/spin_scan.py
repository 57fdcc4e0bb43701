"""Free energies of spins against the inverse temperature, from the results of a scan."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vfe_lightning.analysis.spin_figures import free_energy_against_beta
from vfe_lightning.result import Result

METHODS = ("naive mean field", "Bethe")


def table(results: Sequence[Result]) -> pd.DataFrame:
    """One row a beta: F a spin of the network, exact, and of the approximations; NaN where there is none."""
    rows = []
    for r in sorted(results, key=lambda r: r.declaration["beta"]):
        exact, landmarks = r.reference_free_energy, r.landmarks or {}
        row = {
            "beta": r.declaration["beta"],
            "network": r.free_energy,
            "network_error": r.free_energy_error,
            "exact": np.nan if exact is None else exact,
            **{name: landmarks.get(name, np.nan) for name in METHODS},
        }
        for name in ("network", *METHODS):
            row[f"relative error, {name}"] = (row[name] - row["exact"]) / abs(row["exact"])
        rows.append(row)
    return pd.DataFrame(rows)


def figure(rows: pd.DataFrame) -> Figure:
    """F and its relative error against beta: Wu, Wang & Zhang, PRL 122, 080602 (2019), figure 4 a."""
    beta = rows["beta"].tolist()
    curves = {name: (beta, rows[name].tolist()) for name in ("network", *METHODS)}
    return free_energy_against_beta(curves, (beta, rows["exact"].tolist()))
