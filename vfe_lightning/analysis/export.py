"""Recorded runs and their curves as files that any program reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from mlflow.entities import Run

if TYPE_CHECKING:
    from mlflow import MlflowClient


def runs_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run: identity, parameters as declared, latest metrics, tags."""
    rows = []
    for run in runs:
        info = run.info
        row = {"run": info.run_id, "name": info.run_name, "status": info.status}
        row |= {"started": pd.Timestamp(info.start_time, unit="ms")}
        row |= {"ended": pd.Timestamp(info.end_time, unit="ms") if info.end_time else pd.NaT}
        row |= {f"params.{k}": v for k, v in run.data.params.items()}
        row |= {f"metrics.{k}": v for k, v in run.data.metrics.items()}
        row |= {f"tags.{k}": v for k, v in run.data.tags.items() if not k.startswith("mlflow.")}
        rows.append(row)
    return pd.DataFrame(rows)


def curves_frame(client: "MlflowClient", runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run and step, one column a metric; final numbers are in `runs_frame`."""
    parts = []
    for run in runs:
        columns = {
            name: {m.step: m.value for m in client.get_metric_history(run.info.run_id, name)}
            for name in sorted(run.data.metrics)
            if not name.startswith("final/")
        }
        frame = pd.DataFrame(columns).sort_index()
        frame.insert(0, "step", frame.index)
        frame.insert(0, "run", run.info.run_id)
        parts.append(frame)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["run", "step"])


def write(client: "MlflowClient", runs: Sequence[Run], folder: Path, parquet: bool) -> list[Path]:
    """Write runs and curves into a folder, which is made if need be; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in {"runs": runs_frame(runs), "curves": curves_frame(client, runs)}.items():
        path = folder / f"{name}.{'parquet' if parquet else 'csv'}"
        frame.to_parquet(path, index=False) if parquet else frame.to_csv(path, index=False)
        written.append(path)
    return written
