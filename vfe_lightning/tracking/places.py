"""What the files of a run are called, and where they lie."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlflow.entities import RunInfo

from vfe_lightning.tracking import store

DECLARATION = "declaration.json"
RESULT = "result.json"


def whereabouts(info: RunInfo) -> str:
    """Where all of a run can be looked at."""
    pages = "all runs in the browser: python -m vfe_lightning ui"
    if urlsplit(info.artifact_uri or "").scheme not in ("", "file"):
        return pages
    return f"tables and figures: {checkpoint_folder(info).parent}\n{pages}"


def checkpoint_folder(info: RunInfo) -> Path:
    """Among the artifacts of the run, where they lie on this machine; else under mlruns/."""
    parts = urlsplit(info.artifact_uri or "")
    if parts.scheme in ("", "file"):
        return Path(unquote(parts.path)) / "checkpoints"
    return store.project_root() / "mlruns" / "checkpoints" / info.run_id
