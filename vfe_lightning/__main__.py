"""What was recorded: tables, comparisons, files, and the care of the store; and scans of any experiment.

python -m vfe_lightning scan EXPERIMENT --NAME V1,V2,...
python -m vfe_lightning runs
python -m vfe_lightning ui
python -m vfe_lightning compare RUN RUN ...
"""

import argparse
import os
import socket
import sys
from pathlib import Path
from typing import NoReturn

from vfe_lightning.errors import Refused, masked
from vfe_lightning.exits import told
from vfe_lightning.flags import Parser
from vfe_lightning.tracking import store

RUNS_PAGE = "/#/experiments?workflowType=machine_learning"  # MLflow opens its pages of agents otherwise
LATEST = 50


def main() -> None:
    if sys.argv[1:2] == ["scan"]:  # it has the flags of its experiment
        from vfe_lightning.study.scan import main as scan

        scan(sys.argv[2:])
    with told():
        arguments = vars(parser().parse_args())
        command = COMMANDS[arguments.pop("command")]
        store.check_reachable(store.tracking_uri())
        command(**arguments)


def parser() -> argparse.ArgumentParser:
    made = Parser(
        prog="python -m vfe_lightning",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(dest="command", required=True)
    commands.add_parser("scan", help="runs at all values of some flags of an experiment", add_help=False)
    add = commands.add_parser("ui", help="MLflow in the browser; only this machine can connect").add_argument
    add("--port", type=int, default=5000, help="default: %(default)s")
    add = commands.add_parser("runs", help="table of the runs, the latest first").add_argument
    add("--experiment", metavar="NAME", help="only runs of this experiment")
    add("--all", action="store_true", help="all runs, not only the latest 50")
    add = commands.add_parser("compare", help="runs side by side: a table, and F in one figure").add_argument
    add("runs", nargs="+", metavar="RUN", help="id of a run, or the beginning of it")
    add("--figure", type=Path, default=Path("comparison.png"), help="file (default: %(default)s)")
    add("--window", type=int, default=10, help="steps in each mean of F (default: %(default)s)")
    add = commands.add_parser("export", help="all runs and curves as CSV or Parquet").add_argument
    add("folder", type=Path, help="where runs.csv and curves.csv are written")
    add("--format", choices=("csv", "parquet"), default="csv", help="default: %(default)s")
    add("--experiment", metavar="NAME", help="only runs of this experiment")
    add = commands.add_parser(
        "analyse", help="an electron gas as a Fermi liquid: tables and figures"
    ).add_argument
    add("run", metavar="RUN", help="id of a run, the beginning of it, or a checkpoint file")
    add("--states", type=int, default=2048, help="occupations that are drawn (default: %(default)s)")
    add("--walkers", type=int, default=2, help="local energies in each of them (default: %(default)s)")
    add("--folder", type=Path, help="where files are written (default: analysis-RUN)")
    add("--device", default="cpu", help="such as cuda (default: %(default)s)")
    add("--seed", type=int, help="of the samples (default: that of the run)")
    add = commands.add_parser("results", help="quote runs in the pages of a checkout").add_argument
    add("--add", nargs="+", metavar="RUN", default=[], help="id, its beginning, or the --json of a run")
    add("--check", action="store_true", help="fail where a page is not what experiments/results.csv gives")
    add = commands.add_parser("relocate", help="after artifacts beside a database server moved").add_argument
    add("--old", metavar="FOLDER", help="where artifacts were (default: found by the ids of the runs)")
    commands.add_parser("sweep", help="mark runs whose process is gone as KILLED; deliver what was kept")
    return made


def ui(port: int) -> NoReturn:
    """Becomes the MLflow server."""
    uri = store.tracking_uri()
    if uri.startswith("http"):
        print(f"{masked(uri).rstrip('/')}{RUNS_PAGE}")
        sys.exit(0)
    check_free(port)
    store.connect(uri)
    print(f"http://127.0.0.1:{port}{RUNS_PAGE}  (ready in about 20 s; Ctrl-C ends it)", flush=True)
    given = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    given |= {"MLFLOW_BACKEND_STORE_URI": uri}  # everybody can read a command line
    command = ["-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    os.execve(sys.executable, [sys.executable, *command], os.environ | given)


def check_free(port: int) -> None:
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        raise Refused(f"--port = {port} cannot be used: {error}") from error


def runs(experiment: str | None, all: bool) -> None:
    from vfe_lightning.analysis.runs import text
    from vfe_lightning.tracking.listing import rows

    print(text(rows(store.tracking_uri(), experiment, None if all else LATEST)))


def compare(runs: list[str], figure: Path, window: int) -> None:
    from vfe_lightning.analysis import comparison
    from vfe_lightning.tracking.lookup import find_run

    client = store.connect(store.tracking_uri())
    found = [find_run(client, beginning) for beginning in runs]
    known = {run.info.run_id: comparison.curve(client, run, found) for run in found}
    steps = {run_id: max(curve.free_energy, default=0) for run_id, curve in known.items()}
    table, others = comparison.table(found, steps)
    print(table.to_string(index=False))
    if others:
        print(f"they also differ in {', '.join(others)}")
    curves = [curve for curve in known.values() if curve.free_energy]
    if not curves:
        raise Refused("none of these runs has recorded a step: there is nothing to draw")
    if window < 1:
        raise Refused(f"--window = {window} is not allowed: integer > 0")
    try:
        figure.parent.mkdir(parents=True, exist_ok=True)
        comparison.overlay(curves, window).savefig(figure, dpi=150)
    except (OSError, ValueError) as error:  # matplotlib raises ValueError for an unknown format
        raise Refused(f"--figure {figure} cannot be written: {error}") from error
    print(f"figure: {figure}")


def export(folder: Path, format: str, experiment: str | None) -> None:
    from vfe_lightning.analysis.export import write
    from vfe_lightning.tracking.tables import runs_and_curves

    uri = store.tracking_uri()
    found, curves = runs_and_curves(store.connect(uri), uri, experiment)
    try:
        for path in write(found, curves, folder, format == "parquet"):
            print(path)
    except OSError as error:
        raise Refused(f"{folder} cannot be written: {error}") from error


def analyse(run: str, states: int, walkers: int, folder: Path | None, device: str, seed: int | None) -> None:
    from vfe_lightning.analysing import analyse
    from vfe_lightning.trained import load

    print(analyse(load(run, device, seed), states, walkers, folder or Path(f"analysis-{Path(run).stem[:8]}")))


def results(add: list[str], check: bool) -> None:
    from vfe_lightning import quoting

    root = quoting.checkout()
    if add:
        for name in quoting.add(store.connect(store.tracking_uri()), add, root):
            print(f"quoted: {name}")
    changed = quoting.refresh(root, check)
    for page in changed:
        print(f"{'not as the data give it' if check else 'written'}: {page}")
    if check and changed:
        raise Refused("run `python -m vfe_lightning results`")


def relocate(old: str | None) -> None:
    from vfe_lightning.tracking.relocate import relocate as mend

    uri = store.tracking_uri()
    home = store.artifact_location(uri)
    with store.lock(uri):
        moved = mend(uri, home, old)
    for place in moved:
        print(f"mended: {place} -> {home}")


def sweep() -> None:
    from vfe_lightning.tracking.outbox import folder
    from vfe_lightning.tracking.sweep import deliver
    from vfe_lightning.tracking.sweep import sweep as mark

    client = store.connect(store.tracking_uri())
    delivered, kept = deliver(client)
    marked = mark(client, patient=True)
    if kept:  # of processes that were seen to be silent by now
        more, kept = deliver(client)
        delivered += more
    for run in marked:
        print(f"KILLED: run {run.info.run_id[:8]} {run.info.run_name}")
    for run_id, reason in kept.items():
        print(f"kept in {folder() / run_id}.jsonl: {reason}")
    print(f"{len(marked)} runs marked, records of {delivered} runs delivered, of {len(kept)} runs still kept")


HAVE = (ui, runs, compare, export, analyse, results, relocate, sweep)
COMMANDS = {command.__name__: command for command in HAVE}


if __name__ == "__main__":
    main()
