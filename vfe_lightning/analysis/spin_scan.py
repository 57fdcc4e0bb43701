"""Free energies of spins, and couplings inferred, against the inverse temperature: results of a scan."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vfe_lightning.analysis.spin_figures import free_energy_against_beta, reconstruction_error_against_beta
from vfe_lightning.result import Result

METHODS = ("naive mean field", "Bethe")
INVERSE_METHODS = {
    "network": "error_of_J",
    "naive mean field": "error_of_J_naive_mean_field",
    "independent pair": "error_of_J_independent_pair",
    "Sessak-Monasson": "error_of_J_sessak_monasson",
}


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


def network_table(results: Sequence[Result]) -> pd.DataFrame:
    """One row a run: its network and optimiser, F and its relative error, and the seconds of a step."""
    rows = []
    for r in results:
        exact = np.nan if r.reference_free_energy is None else r.reference_free_energy
        found = np.nan if r.free_energy is None else r.free_energy
        rows.append(
            {
                "network": r.declaration["network"]["kind"],
                "optimizer": r.declaration["optimizer"]["kind"],
                "free_energy": found,
                "free_energy_error": r.free_energy_error,
                "relative error": (found - exact) / abs(exact),
                "effective_sample_size": (r.observables or {})["effective_sample_size"]["value"],
                "seconds_per_step": r.seconds_per_step,
            }
        )
    return pd.DataFrame(rows).sort_values("free_energy", ignore_index=True)


def inverse_table(results: Sequence[Result]) -> pd.DataFrame:
    """One row a beta: reconstruction errors of J of the network and of the closed forms."""
    rows = [
        {"beta": r.declaration["beta"]}
        | {name: (r.observables or {})[key]["value"] for name, key in INVERSE_METHODS.items()}
        for r in sorted(results, key=lambda r: r.declaration["beta"])
    ]
    return pd.DataFrame(rows)


def inverse_figure(rows: pd.DataFrame) -> Figure:
    """Reconstruction errors against beta: Wu, Wang & Zhang, PRL 122, 080602 (2019), figure 4 b."""
    beta = rows["beta"].tolist()
    return reconstruction_error_against_beta({name: (beta, rows[name].tolist()) for name in INVERSE_METHODS})
