"""The command line of an experiment, made from its declarations; no torch before a run starts."""

import itertools
import sys
from argparse import SUPPRESS
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol, cast

import yaml
from jsonargparse import ArgumentError, ArgumentParser
from pydantic import BaseModel

from vfe_lightning.declarations.changes import flat, unknown_name
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.declarations.schema import Leaf, leaves, with_kinds
from vfe_lightning.errors import Diverged, Interrupted, Refused, Unrecorded

OWN_FLAGS = {
    "config": "YAML file with any of the options below; flags win over it",
    "print_config": "print all values as YAML and exit",
    "json": "write the final results to this file",
    "resume": "go on with this run, given by its id or the beginning of it",
    "init_from": "start from the parameters of this run, or of a checkpoint, wherever they fit",
}


class Runnable(Protocol):
    """What an experiment is beside its declaration."""

    def run(self, *, json: str | None, resume: str | None, init_from: str | None) -> object: ...


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    experiment: DeclaredExperiment
    json: str | None
    resume: str | None
    init_from: str | None
    print_config: bool
    changes: dict[str, Any]  # what was given, under dotted names


def main(experiment: DeclaredExperiment, argv: Sequence[str] | None = None) -> NoReturn:
    """Run as the arguments say and exit: 0, 2 for a refusal, 1 for a failure, 128 + n for signal n."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        request = parse(experiment, argv)
        if request.print_config:
            print(yaml.safe_dump(request.experiment.declared(), sort_keys=False), end="")
            sys.exit(0)
        if request.resume:
            from vfe_lightning.tracking.resume import recorded_experiment

            request = parse(recorded_experiment(experiment, request.resume), argv)
        cast(Runnable, request.experiment).run(
            json=request.json, resume=request.resume, init_from=request.init_from
        )
    except Refused as refusal:
        fail(refusal, 2)
    except (Diverged, Unrecorded) as error:
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
    """Arguments to an experiment.

    Raises:
        Refused: for an unknown or misspelt flag or key, and for a value out of range.
    """
    flags = {name: value for name, value in _flags(argv)}
    kinds = {name: value for name, value in flags.items() if name.endswith(".kind")}
    file = _without_replaced_parts(_read(flags.get("config")), kinds)
    kinds = {name: value for name, value in file.items() if name.endswith(".kind")} | kinds
    options = options_of(experiment, kinds)
    _refuse_unknown(options, flags, file)
    try:
        parsed = _parser(experiment, options).parse_args(list(argv))
    except ArgumentError as error:
        raise Refused(str(error)) from error
    given = {name: parsed[name] for name in flags if name in parsed and name not in OWN_FLAGS}
    changes = file | given
    return Request(
        experiment.vary(**changes),
        flags.get("json"),
        flags.get("resume"),
        flags.get("init_from"),
        "print_config" in flags,
        changes,
    )


def _flags(argv: Sequence[str]) -> list[tuple[str, str | None]]:
    """Every `--name value` and `--name=value`; the value is None where the next flag follows."""
    pairs: list[tuple[str, str | None]] = []
    for here, following in itertools.pairwise([*argv, "--"]):
        if here.startswith("--"):
            name, equals, value = here[2:].partition("=")
            pairs.append((name, value if equals else None if following.startswith("--") else following))
    return pairs


def _read(path: str | None) -> dict[str, Any]:
    """The values of a configuration file, under dotted names."""
    if path is None:
        return {}
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


def _refuse_unknown(options: Sequence[Leaf], flags: Mapping[str, Any], file: Mapping[str, Any]) -> None:
    known = [leaf.path for leaf in options]
    for name in flags:
        if name not in {*known, *OWN_FLAGS, "help"}:
            raise unknown_name(name, [*known, *OWN_FLAGS], prefix="--")
    for name in file:
        if name not in known and not name.startswith("tags"):
            raise unknown_name(name, known)


def _parser(experiment: DeclaredExperiment, options: Sequence[Leaf]) -> ArgumentParser:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    command = spec.name if spec else experiment.name
    parser = ArgumentParser(
        prog=f"python -m {command}",
        usage=f"python -m {command} [--NAME VALUE]...",
        description=_summary(experiment.system),
        exit_on_error=False,
        print_config=None,
    )
    for name, text in OWN_FLAGS.items():
        if name == "print_config":
            parser.add_argument("--print_config", action="store_true", default=SUPPRESS, help=text)
        else:
            parser.add_argument(f"--{name}", metavar=name.upper(), default=SUPPRESS, help=text)
    groups: dict[str, Any] = {"": parser.add_argument_group("run and physics")}
    for leaf in options:
        group = groups.setdefault(leaf.part, parser.add_argument_group(leaf.part) if leaf.part else None)
        metavar = leaf.path.rpartition(".")[2].upper()
        help = leaf.description.replace("%", "%%")
        group.add_argument(f"--{leaf.path}", type=leaf, default=leaf.default, metavar=metavar, help=help)
    return parser


def _summary(declaration: BaseModel) -> str:
    return " ".join((type(declaration).__doc__ or "").split())
