"""Scans and searches without a file: any flags of any experiment, each with values or with a range."""

import hashlib
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from vfe_lightning import command_line
from vfe_lightning.declarations.changes import unknown_name
from vfe_lightning.declarations.study import TPE, Grid, Pruning
from vfe_lightning.errors import Refused
from vfe_lightning.exits import told
from vfe_lightning.experiment import Experiment
from vfe_lightning.flags import split
from vfe_lightning.notation import units_text
from vfe_lightning.result import Result
from vfe_lightning.study.axes import Axis, Values, axes_of
from vfe_lightning.study.command_line import main as study_main
from vfe_lightning.study.named import declaring, named, names
from vfe_lightning.study.plan import Report, StudyPlan
from vfe_lightning.usage import entry, usage, wrapped

if TYPE_CHECKING:
    from optuna import Trial

OF_A_STUDY = ("n-trials", "n_trials", "workers", "storage", "name", "parent", "trial")
OF_A_RUN = ("resume", "run_key", "take_over", "json", "print_config", "init_from")
FLAGS = {
    "NAME V1,V2,...": "an axis of a grid: any option of the experiment, --seed included",
    "NAME LO:HI[:log]": "a range: TPE then chooses the trials, for the lowest F, from lists, too",
    "warm NAME": "along this axis a run starts from the parameters of its neighbour before",
    "n-trials N": "trials to finish, over all workers and restarts (default: the grid, or 50)",
    "workers N": "processes on this machine (default: 1)",
    "storage URL": "of Optuna (default: OPTUNA_STORAGE, or mlruns/optuna.db)",
    "name NAME": "of the study (default: the experiment, the axes, and a sum over all that was typed)",
    "config FILE": "YAML file with any of the options below; flags win over it",
    "help": "this; `--help all`: every option; `--help PART`: those of one part",
}
USAGE = "python -m vfe_lightning scan EXPERIMENT --NAME V1,V2,... [--NAME VALUE]..."


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run as the arguments say and exit, as a study does."""
    with told():
        study, own = planned(sys.argv[1:] if argv is None else argv)
    study_main(study, own)


def planned(argv: Sequence[str]) -> tuple[StudyPlan, list[str]]:
    """The study that a command line asks for, and what it says of any study; `--help` prints and exits.

    Raises:
        Refused: before anything is run, for an unknown experiment or flag, and for a value out of range.
    """
    if not argv or argv[0] in ("-h", "--help"):
        print("\n".join(overview()))
        sys.exit(0)
    if argv[0].startswith("-"):
        raise Refused(f"the experiment comes first: {USAGE}")
    experiment = named(argv[0])
    flags, stray = split(argv[1:])
    if stray:
        raise Refused(f"what is {' '.join(stray)}? write --NAME VALUE")
    if "help" in flags:
        options = [leaf for leaf in command_line.options_of(experiment, {}) if leaf.path not in OF_A_STUDY]
        print(usage(experiment, options, flags["help"], (), USAGE.replace("EXPERIMENT", argv[0]), FLAGS))
        sys.exit(0)
    if alien := [flag for flag in OF_A_RUN if flag in flags]:
        raise unknown_name(alien[0], [*OF_A_STUDY[:5], "warm"], prefix="--")
    own = {flag: flags.pop(flag) for flag in OF_A_STUDY if flag in flags}
    words = [word for flag, value in own.items() for word in (f"--{flag}", value) if word is not None]
    return scan(argv[0], experiment, flags), words


def overview() -> list[str]:
    """What there is to scan, and with which flags."""
    flags = [line for flag, text in FLAGS.items() for line in entry(f"--{flag}", text)]
    known = wrapped(f"{', '.join(names())}; or module:object, or the script that declares it", 2)
    more = "`EXPERIMENT --help` says what can be set; `EXPERIMENT --help all` all of it."
    return [f"usage: {USAGE}", "", __doc__ or "", "", *flags, "", "experiments:", *known, "", more]


def scan(word: str, experiment: Experiment, flags: Mapping[str, Any]) -> StudyPlan:
    """The study of an experiment that is called `word` over those of the flags that have several values."""
    others = {name: value for name, value in flags.items() if name != "warm"}
    axes, fixed, first = axes_of(experiment, others)
    if not axes:
        raise Refused("nothing to scan: give a flag values, --seed 1,2,3, or a range, --batch_size 100:1000")
    typed = {name: v if isinstance(v, str) else json.dumps(v) for name, v in flags.items() if v is not None}
    arguments = (word, *(part for name, value in typed.items() for part in (f"--{name}", value)))
    grid = {axis.name: axis.values for axis in axes if isinstance(axis, Values)}
    searched = len(grid) < len(axes)
    _check_warm(flags, grid, searched)
    told = hashlib.sha256(json.dumps([arguments, first]).encode()).hexdigest()[:6]

    def point(trial: "Trial") -> Experiment:
        return experiment.vary(**command_line.request(experiment, fixed | ask(trial)).changes)

    def ask(trial: "Trial") -> dict[str, Any]:
        return {axis.name: axis.ask(trial) for axis in axes}

    return StudyPlan(
        name="_".join([experiment.name, *(axis.name for axis in axes), told]),
        experiment=point,
        search=TPE() if searched else Grid(values=grid),
        pruning=Pruning() if searched else None,
        report=partial(report, axes),
        about=_about(experiment, axes, fixed, flags.get("warm")),
        warm=flags.get("warm"),
        arguments=arguments,
        declaring=declaring(word),
    )


def report(axes: Sequence[Axis], results: Sequence[Result]) -> Report:
    """A table in the order of the grid, or of F where there is none, and a figure."""
    from vfe_lightning.analysis.scan import figure, table

    lists = {axis.name: axis.values for axis in axes if isinstance(axis, Values)}
    found = [({axis.name: axis.of(r.declaration) for axis in axes}, r) for r in results]
    if len(lists) == len(axes):
        found.sort(key=lambda pair: [lists[name].index(value) for name, value in pair[0].items()])
    else:
        found.sort(key=lambda pair: pair[1].number("free_energy")[0])
    points, results = zip(*found, strict=True)
    rows = table(points, results)
    units = units_text(results[0].units or "", results[0].per or "")
    return rows, {"scan": figure(rows, [axis.name for axis in axes], list(lists), units)}


def _check_warm(flags: Mapping[str, Any], grid: Mapping[str, Any], searched: bool) -> None:
    if "warm" not in flags:
        return
    if searched:
        raise Refused("--warm needs neighbours, which points of a range are not: give values instead")
    if (axis := flags["warm"]) not in grid:
        given = f"--warm {axis or ''}".strip()
        raise Refused(f"{given} is not allowed: one of the axes, {', '.join(grid)}")


def _about(experiment: Experiment, axes: Sequence[Axis], fixed: Mapping[str, Any], warm: str | None) -> str:
    told = f"{experiment.name} over {'; '.join(map(str, axes))}"
    words = [word for name, value in fixed.items() for word in (f"--{name}", str(value))]
    others = f"\n\nfor all of them: {shlex.join(words)}" if words else ""
    return told + (f", each started from its neighbour along {warm}" if warm else "") + others
