"""Which recorded runs are quoted, and the pages of a checkout that quote them."""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from pydantic import ValidationError

from vfe_lightning.analysis import catalogue, results
from vfe_lightning.analysis.pages import filled, pages
from vfe_lightning.command_line import options_of, parse
from vfe_lightning.declarations.changes import explain, flat, unknown_name
from vfe_lightning.errors import Refused
from vfe_lightning.experiment import Experiment
from vfe_lightning.tracking.artifacts import artifact, declaration
from vfe_lightning.tracking.lookup import find_run

RESULTS = Path("experiments", "results.csv")
WITHOUT_INFLUENCE = {"name", "trainer.progress_bar", "trainer.threads", "trainer.checkpoint_every"}


def checkout() -> Path:
    """The folder that holds this package, the experiments and the pages.

    Raises:
        Refused: for an installed package, which has no pages.
    """
    root = Path(__file__).resolve().parents[1]
    if not (root / RESULTS.parent).is_dir():
        raise Refused("results are quoted in the pages of a checkout, and this package is not in one")
    return root


def names(root: Path) -> list[str]:
    """Of all experiments."""
    return sorted(p.stem for p in (root / "experiments").glob("*.py") if p.stem[0] != "_")


def declared(root: Path, name: str) -> Experiment:
    """The experiment of this name, as this checkout declares it.

    Raises:
        Refused: when there is none.
    """
    path = root / "experiments" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"experiments.{name}", path)
    if not path.exists() or spec is None or spec.loader is None:
        raise unknown_name(name, names(root))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def add(client: MlflowClient, runs: Sequence[str], root: Path) -> list[str]:
    """Quote runs, in place of others of the same experiment and arguments; returns what they are called.

    Raises:
        Refused: for a run that is not there, has not finished, or is of no experiment of this checkout.
    """
    found = [_row(client, beginning, root) for beginning in runs]
    path = root / RESULTS
    catalogue.write(path, catalogue.read(path), found)
    return [f"{r['experiment']} {r['arguments']}".strip() for r in found]


def _row(client: MlflowClient, named: str, root: Path) -> catalogue.Row:
    told = _results_in(Path(named)) if named.endswith(".json") else {}
    run = find_run(client, told.get("run_id", named))
    run_id, status = run.info.run_id, run.info.status
    if status != "FINISHED":
        raise Refused(f"run {run_id[:8]} is {status}: only numbers of finished runs are quoted")
    record = declaration(run)
    experiment = declared(root, record["name"])
    try:  # a field that came later has the value that keeps what was, not that of the experiment by now
        parameters = flat(experiment.redeclared(record).declared())
    except ValidationError as error:
        why = explain(error, type(experiment.system))
        raise Refused(f"run {run_id[:8]} is not of {record['name']} by now: {why}") from error
    flags = arguments(experiment, parameters)
    # the file counts what was prepared before the run was recorded, and no pause before it was resumed
    seconds = told.get("seconds", ((run.info.end_time or 0) - run.info.start_time) / 1000)
    path = artifact(run, results.TABLE)
    if path is None:
        raise Refused(f"run {run_id[:8]} has no {results.TABLE}")
    try:
        return catalogue.row(run, parameters, flags, seconds, results.read(path))
    except ValueError as error:
        raise Refused(str(error)) from error


def _results_in(path: Path) -> dict[str, Any]:
    try:
        return {name: json.loads(path.read_text())[name] for name in ("run_id", "seconds")}
    except (OSError, ValueError, KeyError) as error:
        raise Refused(f"{path} holds no results of a run: {error}") from error


def arguments(experiment: Experiment, parameters: Mapping[str, Any]) -> list[str]:
    """The flags that make of an experiment the one with these parameters: the inverse of `parse`.

    Raises:
        Refused: when these are parameters of another system.
    """
    kinds = {name: parameters[name] for name in sorted(parameters) if name.endswith(".kind")}
    defaults = {leaf.path: leaf.default for leaf in options_of(experiment, kinds)}
    own = experiment.parameters()
    words = []
    for name, value in parameters.items():
        default = own.get(name) if name.endswith(".kind") else defaults.get(name)
        default = list(default) if isinstance(default, tuple) else default  # as JSON has it
        same = value == default or str(value) == str(default)  # infinity is a word there
        if name not in WITHOUT_INFLUENCE and not name.startswith("tags.") and not same:
            words += [f"--{name}", _written(value)]
    parse(experiment, words)
    return words


def _written(value: Any) -> str:
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def refresh(root: Path, check: bool) -> list[Path]:
    """Fill the tables of all pages, or only tell; returns the pages that were not as the data give them."""
    rows, known = catalogue.read(root / RESULTS), names(root)
    changed = []
    for page in pages(root):
        text = page.read_text()
        if (new := filled(text, rows, known)) != text:
            changed.append(page.relative_to(root))
            if not check:
                page.write_text(new)
    return changed
