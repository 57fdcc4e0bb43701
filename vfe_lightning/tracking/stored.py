"""What is stored of a run that was trained: its parameters, its declaration and its numbers."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mlflow.entities import Run
from torch import Tensor

from vfe_lightning.errors import Refused
from vfe_lightning.result import Result
from vfe_lightning.tracking import store
from vfe_lightning.tracking.artifacts import artifact, record_of
from vfe_lightning.tracking.checkpoints import QUOTED, checkpoints_in, contents, latest
from vfe_lightning.tracking.lookup import find_run
from vfe_lightning.tracking.places import DECLARATION, RESULT, checkpoint_folder
from vfe_lightning.tracking.told import tell_once


@dataclass(frozen=True)
class Stored:
    """One trained run.

    Attributes:
        parameters: the state of the system, by names: those that its numbers are of, or the latest mean.
        step: of the training that they are of.
        origin: see `origin_of`.
        run_id: None of a checkpoint that lies alone.
        result: the quoted numbers; None where the run has none.
    """

    parameters: dict[str, Tensor]
    step: int
    origin: dict[str, Any]
    run_id: str | None
    result: Result | None


def stored(run: str | Path | Run | Result) -> Stored:
    """A run by its id or the beginning of it, by what MLflow knows of it, by its results or a checkpoint.

    Raises:
        Refused: there is no such run or file, it has no checkpoint, or the checkpoint is none of ours.
    """
    if isinstance(run, Path) or (isinstance(run, str) and Path(run).suffix == ".ckpt"):
        return _read(Path(run), None, None)
    wanted = run if isinstance(run, str) else run.info.run_id if isinstance(run, Run) else run.run_id
    if not wanted:
        raise Refused("these results are of no recorded run")
    uri = store.tracking_uri()
    store.check_reachable(uri)
    found = find_run(store.connect(uri), wanted)
    return _read(_checkpoint(found), found, _result(found))


def _checkpoint(run: Run) -> Path:
    folder, run_id = checkpoint_folder(run.info), run.info.run_id
    if (folder / QUOTED).exists():
        return folder / QUOTED
    try:
        return latest(folder, run_id).path
    except Refused:
        if checkpoints_in(folder):  # all damaged
            raise
        return artifact(run, f"checkpoints/{QUOTED}") or _missing(run_id)


def _missing(run_id: str) -> Path:
    raise Refused(f"run {run_id[:8]} has left no checkpoint, here or with MLflow: it ended before the first")


def _result(run: Run) -> Result | None:
    path = artifact(run, RESULT)
    known, data = {f.name for f in fields(Result)}, record_of(path)
    try:
        return (
            Result(**{name: value for name, value in (data or {}).items() if name in known}) if path else None
        )
    except TypeError:  # fields without a value
        tell_once(f"{path} is damaged: the numbers of run {run.info.run_id[:8]} are not known")
        return None


def _read(path: Path, run: Run | None, result: Result | None) -> Stored:
    try:
        held = contents(path)
    except Refused as reason:
        raise Refused(f"{path} cannot be used as a checkpoint: {reason}{_others(path)}") from reason
    origin = held.get("origin") or _older(path, run)
    step = held.get("step", held.get("global_step", 0))
    run_id = run.info.run_id if run else result and result.run_id
    return Stored(held["state_dict"], step, origin, run_id, result)


def _others(path: Path) -> str:
    """Parameters of the training lie beside those that the numbers of a run are of."""
    steps = checkpoints_in(path.parent) if path.name == QUOTED else []
    return f"; {steps[-1]} is of its training" if steps else ""


def _older(path: Path, run: Run | None) -> dict[str, Any]:
    """Of runs that kept less: their systems are those of `experiments`."""
    import importlib

    beside = path.parent.parent / DECLARATION
    declared = record_of(beside if beside.exists() else run and artifact(run, DECLARATION))
    if not declared:
        raise Refused(f"{path} does not say what made it, and {DECLARATION} is missing or damaged")
    try:
        module = importlib.import_module(f"experiments.{declared['name']}")
        system = type(getattr(module, declared["name"]).system)
    except (ImportError, AttributeError, KeyError) as error:
        raise Refused(f"{path} is of {declared.get('name')}, which is no experiment here") from error
    return {"declared": declared, "system": f"{system.__module__}:{system.__qualname__}", "file": None}
