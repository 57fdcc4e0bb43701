"""The command line of an experiment, made from its declarations; no torch before a run starts."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol, cast

from pydantic import BaseModel

from vfe_lightning.declarations.changes import flat, unknown_name
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.declarations.schema import Leaf, leaves, members, with_kinds
from vfe_lightning.errors import Diverged, Interrupted, Refused, TakenOver, Unrecorded
from vfe_lightning.result import Result
from vfe_lightning.tracking import store
from vfe_lightning.tracking.provenance import in_notebook
from vfe_lightning.usage import OF_A_RUN, OWN_FLAGS, SWITCHES, usage


class Runnable(Protocol):
    """What an experiment is beside its declaration."""

    def run(self, **options: Any) -> Result: ...


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    experiment: DeclaredExperiment
    options: dict[str, Any]  # of `Experiment.run`
    print_config: bool
    changes: dict[str, Any]  # what was given, under dotted names


def main(experiment: DeclaredExperiment, argv: Sequence[str] | None = None) -> Result:
    """Run as the arguments say and exit: 0, 2 for a refusal, 1 for a failure, 128 + n for signal n.

    In a notebook, whose arguments are those of its kernel: run as declared and return the result.
    """
    if argv is None and in_notebook():
        return cast(Runnable, experiment).run()
    argv = sys.argv[1:] if argv is None else argv
    try:
        request = parse(experiment, argv)
        if request.print_config:
            import yaml

            print(yaml.safe_dump(request.experiment.declared(), sort_keys=False), end="")
            sys.exit(0)
        wanted = {name: value for name, value in request.options.items() if name != "json"}
        if wanted.keys() - {"init_from"}:
            from vfe_lightning.tracking.opening import Wanted, recorded_experiment

            request = parse(recorded_experiment(experiment, Wanted(**wanted)), argv)
        if "LOCAL_RANK" not in os.environ:  # which Lightning sets for the processes that it starts
            store.check_reachable(store.tracking_uri())
            print(f"starting {experiment.name}: torch and MLflow are loaded", flush=True)
        cast(Runnable, request.experiment).run(**request.options)
    except Refused as refusal:
        fail(refusal, 2)
    except (Diverged, TakenOver, Unrecorded) as error:
        fail(error, 1)
    except Interrupted as error:
        fail(error, 128 + error.signum)
    except KeyboardInterrupt:
        fail(Interrupted(2), 130)
    sys.exit(0)


def fail(error: Exception, code: int) -> NoReturn:
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    sys.exit(code)


def parse(experiment: DeclaredExperiment, argv: Sequence[str]) -> Request:
    """Arguments to an experiment; `--help` prints and exits.

    Raises:
        Refused: for an unknown or misspelt flag or key, and for a value out of range.
    """
    return request(experiment, *split(argv))


def request(experiment: DeclaredExperiment, flags: Mapping[str, Any], stray: Sequence[str] = ()) -> Request:
    """The same from what was typed, or from values that are known already, by dotted names."""
    kinds = {name: value for name, value in flags.items() if name.endswith(".kind")}
    chosen = [name.removesuffix(".kind") for name in kinds]
    file = _without_replaced_parts(_read(flags.get("config")), kinds)
    kinds = {name: value for name, value in file.items() if name.endswith(".kind")} | kinds
    options = {leaf.path: leaf for leaf in options_of(experiment, kinds)}
    _refuse_unknown(experiment, [*options], flags, file)
    if "help" in flags:
        print(usage(experiment, [*options.values()], flags["help"], chosen))
        sys.exit(0)
    if stray:
        raise Refused(f"what is {' '.join(stray)}? write --NAME VALUE")
    for name, value in flags.items():
        if value is None and name not in SWITCHES:
            raise Refused(f"--{name}: expected one argument")
    given = {name: options[name](value) for name, value in flags.items() if name in options}
    changes = file | given
    return Request(
        experiment.vary(**changes),
        {name: name in SWITCHES or flags[name] for name in OF_A_RUN if name in flags},
        "print_config" in flags,
        changes,
    )


def split(argv: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Every `--name value` and `--name=value`, None where the next flag follows; and the other words.

    A part may be one value, `--network '{"kind": "made", "width": 4}'`; what is no JSON is refused.
    """
    flags: dict[str, Any] = {}
    stray: list[str] = []
    words = ["--help" if word == "-h" else word for word in argv]
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            stray.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        follows = words and not words[0].startswith("--") and name not in SWITCHES
        given = value if equals else words.pop(0) if follows else None
        flags |= flat({name: _part(name, given)}) if given and given.startswith("{") else {name: given}
    return flags, stray


def _part(name: str, text: str) -> dict[str, Any]:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Refused(f"--{name} {text} is no JSON: {error}") from error


def _read(path: str | None) -> dict[str, Any]:
    """The values of a configuration file, under dotted names."""
    if path is None:
        return {}
    import yaml

    try:
        data = yaml.safe_load(Path(path).read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise Refused(f"--config {path}: {error}") from error
    if not isinstance(data, Mapping):
        raise Refused(f"--config {path}: expected lines such as `rs: 5`")
    return flat(data)


def _without_replaced_parts(file: dict[str, Any], kinds: Mapping[str, Any]) -> dict[str, Any]:
    replaced = [name.removesuffix("kind") for name, kind in kinds.items() if file.get(name, kind) != kind]
    return {
        name: value for name, value in file.items() if not any(name.startswith(part) for part in replaced)
    }


def options_of(experiment: DeclaredExperiment, kinds: Mapping[str, Any]) -> list[Leaf]:
    """Everything that can be set, where parts are of these kinds."""
    own = {k: v for k, v in kinds.items() if k.split(".")[0] in type(experiment).model_fields}
    run = with_kinds(experiment, own)
    system = with_kinds(experiment.system, {k: v for k, v in kinds.items() if k not in own})
    return [*leaves(system), *(leaf for leaf in leaves(run) if not leaf.path.startswith("system."))]


def _refuse_unknown(
    experiment: DeclaredExperiment, known: Sequence[str], flags: Mapping[str, Any], file: Mapping[str, Any]
) -> None:
    for name in flags:
        if name not in {*known, *OWN_FLAGS}:
            if kinds := _kinds_that_know(experiment, name):
                part = name.rpartition(".")[0]
                raise Refused(f"there is no --{name}, but with --{part}.kind {' or '.join(kinds)}")
            raise unknown_name(name, [*known, *OWN_FLAGS], prefix="--")
    for name in file:
        if name not in known and not name.startswith("tags"):
            raise unknown_name(name, known)


def _kinds_that_know(experiment: DeclaredExperiment, name: str) -> list[str]:
    """The kinds of a part that have this option, where the kind that was chosen has not."""
    *path, last = name.split(".")
    own = path and path[0] in type(experiment).model_fields
    owner, info = (experiment if own else experiment.system), None
    for part in path:
        info = type(owner).model_fields.get(part) if isinstance(owner, BaseModel) else None
        owner = getattr(owner, part, None)
    return [kind for kind, model in members(info).items() if last in model.model_fields] if info else []
