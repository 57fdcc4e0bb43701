"""Recorded runs and their curves as files that any program reads."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pandas as pd
from mlflow.entities import Run

from vfe_lightning.analysis import results
from vfe_lightning.analysis.quoted import EARLIER, PREFIX, TRAINING, is_quoted

if TYPE_CHECKING:
    from mlflow import MlflowClient


def runs_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run: identity, parameters as declared, quoted numbers, metrics of the last step, tags."""
    rows = []
    for run in runs:
        info = run.info
        row = {"run": info.run_id, "name": info.run_name, "status": info.status}
        row |= {"started": pd.Timestamp(info.start_time, unit="ms")}
        row |= {"ended": pd.Timestamp(info.end_time, unit="ms") if info.end_time else pd.NaT}
        row |= {f"params.{k}": v for k, v in run.data.params.items() if not k.startswith("vfe.")}
        row |= {f"quoted.{k}": v for k, v in quoted_numbers(run).items()}
        last = {k.removeprefix(TRAINING): v for k, v in run.data.metrics.items() if not is_quoted(k)}
        row |= {f"metrics.{k}": v for k, v in last.items()}
        row |= {f"tags.{k}": v for k, v in run.data.tags.items() if not k.startswith("mlflow.")}
        rows.append(row)
    return pd.DataFrame(rows)


def quoted_numbers(run: Run) -> dict[str, float]:
    """All that the evaluation found, from its table if that lies on this machine, else the headlines."""
    metrics = run.data.metrics
    known = {
        name.removeprefix(prefix): metrics[name]
        for prefix in (EARLIER, PREFIX)
        for name in metrics
        if name.startswith(prefix)
    }
    place = urlsplit(run.info.artifact_uri or "")
    file = Path(unquote(place.path)) / results.TABLE
    if place.scheme in ("", "file") and file.exists():
        try:
            table = results.read(file)
        except ValueError as damaged:
            print(f"{damaged}: only the headlines of run {run.info.run_id[:8]} are exported", file=sys.stderr)
            return known
        for name, value, error in table:
            known |= {name: value, f"{name}_error": error}
    return known


def curves_frame(client: "MlflowClient", runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run and step, one column a metric; final numbers are in `runs_frame`.

    A question to the store for each run and metric: see `tracking.tables` for a faster way.
    """
    parts = []
    for run in runs:
        columns = {
            name.removeprefix(TRAINING): {
                m.step: m.value for m in client.get_metric_history(run.info.run_id, name)
            }
            for name in sorted(run.data.metrics)
            if not is_quoted(name)
        }
        frame = pd.DataFrame(columns).sort_index()
        frame.insert(0, "step", frame.index)
        frame.insert(0, "run", run.info.run_id)
        parts.append(frame)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["run", "step"])


def write(runs: Sequence[Run], curves: pd.DataFrame, folder: Path, parquet: bool) -> list[Path]:
    """Write runs and curves into a folder, which is made if need be; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in {"runs": runs_frame(runs), "curves": curves}.items():
        path = folder / f"{name}.{'parquet' if parquet else 'csv'}"
        frame.to_parquet(path, index=False) if parquet else frame.to_csv(path, index=False)
        written.append(path)
    return written
