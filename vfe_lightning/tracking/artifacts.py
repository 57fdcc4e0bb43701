"""What a run has left beside its metrics: on this machine, or with a server; missing and damaged parts."""

import json
import os
from pathlib import Path
from typing import Any

from mlflow.artifacts import download_artifacts
from mlflow.entities import Run

from vfe_lightning.errors import Refused
from vfe_lightning.tracking import store
from vfe_lightning.tracking.checkpoints import QUOTED, Found, contents, sound
from vfe_lightning.tracking.places import DECLARATION, checkpoint_folder
from vfe_lightning.tracking.told import tell_once


def artifact(run: Run, name: str) -> Path | None:
    """The file, which may have to come from a server first; None where there is none."""
    local = checkpoint_folder(run.info).parent / name
    if local.exists():
        return local
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    try:
        uri = store.tracking_uri()
        return Path(download_artifacts(run_id=run.info.run_id, artifact_path=name, tracking_uri=uri))
    except Exception:  # each store has its own way to say that there is none
        return None


def record_of(path: Path | None) -> dict[str, Any] | None:
    """What a JSON file says; None where it is missing or damaged."""
    try:
        known = json.loads(path.read_text()) if path else None
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) else None


def declaration(run: Run) -> dict[str, Any]:
    """All that a run declared; where its record is gone or damaged, as its checkpoints hold it.

    Raises:
        Refused: neither says it.
    """
    known = record_of(artifact(run, DECLARATION))
    if known and "name" in known:
        return known
    folder, run_id = checkpoint_folder(run.info), run.info.run_id[:8]
    found, _ = sound(folder)
    if not (found and "origin" in found.held):
        found = _quoted(folder)
    if found and (origin := found.held.get("origin")):
        tell_once(f"{DECLARATION} of run {run_id} is missing or damaged: taken from {found.path.name}")
        return origin["declared"]
    raise Refused(
        f"{DECLARATION} of run {run_id} is missing or damaged, and no checkpoint says what it declared"
    )


def _quoted(folder: Path) -> Found | None:
    try:
        return Found(folder / QUOTED, contents(folder / QUOTED))
    except Refused:
        return None
