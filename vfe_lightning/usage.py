"""The help of an experiment's command line: short by default, `--help all` for every option."""

import shutil
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence

from vfe_lightning.declarations.changes import unknown_name
from vfe_lightning.declarations.data import shown
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.declarations.schema import Leaf
from vfe_lightning.tracking.provenance import about, started

COLUMN = 24  # where the explanations begin
OWN_FLAGS = {
    "config": "YAML file with any of the options below; flags win over it",
    "print_config": "print all values as YAML and exit",
    "json": "write the final results to this file",
    "resume": "go on with this run, given by its id or the beginning of it",
    "run_key": "a name for the run: made the first time, gone on with ever after, until it is finished",
    "take_over": "with --resume or --run_key: at once, although its process may live on another machine",
    "init_from": "start from the parameters of this run, or of a checkpoint, wherever they fit",
    "help": "this; `--help all`: every option; `--help PART`: those of one part",
}
OF_A_RUN = ("json", "resume", "run_key", "take_over", "init_from")
VALUES = {"config": " FILE", "json": " FILE", "resume": " RUN", "run_key": " KEY", "init_from": " RUN"}


def usage(
    experiment: DeclaredExperiment,
    options: Sequence[Leaf],
    wanted: str | None,
    chosen: Collection[str],
    line: str | None = None,
    own: Mapping[str, str] | None = None,
) -> str:
    """What `--help` prints.

    Args:
        wanted: "all", or a part such as "optimizer"; None for the short form.
        chosen: parts whose kind was chosen on the command line, which are shown in full.
        line: how the command is written, where it is not that of the experiment.
        own: the flags of that command, with what they are.

    Raises:
        Refused: when there is no such part.
    """
    parts = list(dict.fromkeys(leaf.part for leaf in options if leaf.part))
    if wanted and wanted not in ("all", *parts):
        raise unknown_name(wanted, ["all", *parts])
    line = line or f"python {started() or f'-m {experiment.name}'} [--NAME VALUE]..."
    own = own or {flag + VALUES.get(flag, ""): text for flag, text in OWN_FLAGS.items()}
    if wanted and wanted != "all":
        shown = [part for part in parts if f"{part}.".startswith(f"{wanted}.")]
        return "\n".join([f"usage: {line}", *_in_full(options, shown)])
    lines = [f"usage: {line}", "", about(experiment), ""]
    for flag, text in own.items():
        lines += entry(f"--{flag}", text)
    lines += ["", "run and physics:"]
    for leaf in options:
        if not leaf.part:
            lines += _option(leaf)
    if wanted == "all":
        return "\n".join([*lines, *_in_full(options, parts)])
    full = [p for p in parts if any(f"{p}.".startswith(f"{c}.") for c in chosen)]
    lines += ["", "parts, with options of their own:", *_parts(options, [p for p in parts if p not in full])]
    lines += _in_full(options, full)
    kinds = [leaf for leaf in options if leaf.path.endswith(".kind")]
    another = f"; `--{kinds[0].path} KIND --help` shows those of another kind" if kinds else ""
    return "\n".join([*lines, "", *wrapped(f"`--help all` shows the options of all parts{another}.", 0)])


def _parts(options: Sequence[Leaf], parts: Sequence[str]) -> Iterator[str]:
    """One entry each: its kinds, or how many options it has."""
    known: Mapping[str, Leaf] = {leaf.path: leaf for leaf in options}
    for part in parts:
        if kind := known.get(f"{part}.kind"):
            what = kind.description.partition(";")[0]
            yield from entry(f"--{kind.path}", f"{what} ({kind.allowed}; default {kind.default})")
        elif "." not in part:
            names = [leaf.path.removeprefix(f"{part}.") for leaf in options if leaf.part == part]
            yield from entry(f"--{part}.*", ", ".join(names))


def _in_full(options: Sequence[Leaf], parts: Sequence[str]) -> Iterator[str]:
    for part in parts:
        yield from ("", f"{part}:")
        for leaf in options:
            if leaf.part == part:
                yield from _option(leaf)


def _option(leaf: Leaf) -> list[str]:
    default = "" if leaf.default is None else f"; default {shown(leaf.default)}"
    return entry(f"--{leaf.path}", f"{leaf.description} ({leaf.allowed}{default})")


def entry(flag: str, text: str) -> list[str]:
    lines = wrapped(text, COLUMN)
    if len(flag) + 4 > COLUMN:
        return [f"  {flag}", *lines]
    return [f"  {flag}".ljust(COLUMN) + lines[0].lstrip(), *lines[1:]]


def wrapped(text: str, indent: int) -> list[str]:
    width = min(110, max(60, shutil.get_terminal_size().columns))
    return textwrap.wrap(text, width, initial_indent=" " * indent, subsequent_indent=" " * indent)
