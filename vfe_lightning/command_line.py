"""The command line of an experiment, made from its declarations; no torch before a run starts."""

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

from pydantic import BaseModel

from vfe_lightning.declarations.changes import unknown_name, withdrawn
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.declarations.schema import Leaf, leaves, members, with_kinds
from vfe_lightning.errors import Refused
from vfe_lightning.exits import told
from vfe_lightning.flags import SWITCHES, check_values, read, split
from vfe_lightning.loading import loading
from vfe_lightning.result import Result
from vfe_lightning.tracking import store
from vfe_lightning.tracking.provenance import in_notebook
from vfe_lightning.usage import OF_A_RUN, OWN_FLAGS, usage


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
    with told():
        _main(experiment, sys.argv[1:] if argv is None else argv)
    sys.exit(0)


def _main(experiment: DeclaredExperiment, argv: Sequence[str]) -> None:
    request = parse(experiment, argv)
    if request.print_config:
        import yaml

        print(yaml.safe_dump(request.experiment.declared(), sort_keys=False), end="")
        return
    wanted = {name: value for name, value in request.options.items() if name != "json"}
    if wanted.keys() - {"init_from"}:
        with loading():
            from vfe_lightning.tracking.opening import Wanted, recorded_experiment

            recorded = recorded_experiment(experiment, Wanted(**wanted))
        request = parse(recorded, argv)
    if "LOCAL_RANK" not in os.environ:  # which Lightning sets for the processes that it starts
        store.check_reachable(store.tracking_uri())
        print(f"starting {experiment.name}: torch and MLflow are loaded", flush=True)
    with loading():
        import_module("vfe_lightning.carry_out")
    if not gc.get_freeze_count():
        gc.freeze()  # nothing of it is garbage before the program ends
    cast(Runnable, request.experiment).run(**request.options)


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
    file = _without_replaced_parts(read(flags.get("config")), kinds)
    kinds = {name: value for name, value in file.items() if name.endswith(".kind")} | kinds
    options = {leaf.path: leaf for leaf in options_of(experiment, kinds)}
    _refuse_unknown(experiment, [*options], flags, file)
    if "help" in flags:
        print(usage(experiment, [*options.values()], flags["help"], chosen))
        sys.exit(0)
    if stray:
        raise Refused(f"what is {' '.join(stray)}? write --NAME VALUE")
    check_values(flags, OWN_FLAGS)
    given = {name: options[name](value) for name, value in flags.items() if name in options}
    gone = withdrawn(experiment.system, given)
    changes = {name: value for name, value in file.items() if name not in gone} | given
    return Request(
        experiment.vary(**changes),
        {name: name in SWITCHES or flags[name] for name in OF_A_RUN if name in flags},
        "print_config" in flags,
        changes,
    )


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
