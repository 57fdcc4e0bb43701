"""What was recorded: `python -m vfe_lightning ui` and `python -m vfe_lightning runs`."""

import argparse
import os
import sys
from typing import NoReturn

from vfe_lightning.errors import Refused
from vfe_lightning.tracking import store


def main() -> None:
    arguments = parser().parse_args()
    try:
        store.check_reachable(store.tracking_uri())
        if arguments.command == "ui":
            ui(arguments.port)
        runs(arguments.experiment, arguments.all)
    except Refused as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        sys.exit(2)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vfe_lightning", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    ui = commands.add_parser(
        "ui", help="MLflow in the browser, on the project's store; only this machine can connect"
    )
    ui.add_argument("--port", type=int, default=5000, help="default: %(default)s")
    runs = commands.add_parser("runs", help="table of the runs, the latest first")
    runs.add_argument("--experiment", metavar="NAME", help="only runs of this experiment")
    runs.add_argument("--all", action="store_true", help="all runs, not only the latest 50")
    return parser


def ui(port: int) -> NoReturn:
    """Becomes the MLflow server."""
    uri = store.tracking_uri()
    if uri.startswith("http"):
        print(f"{uri}/?workflowType=machine_learning")
        sys.exit(0)
    store.connect(uri)
    print(
        f"http://127.0.0.1:{port}/?workflowType=machine_learning  (ready in about 20 s; Ctrl-C ends it)",
        flush=True,
    )
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = ["-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    os.execve(sys.executable, [sys.executable, *command, "--backend-store-uri", uri], os.environ | quiet)


def runs(experiment: str | None, everything: bool) -> None:
    from vfe_lightning.analysis.runs import table
    from vfe_lightning.tracking.record import sweep

    client = store.connect(store.tracking_uri())
    sweep(client)
    rows = table(client, experiment, None if everything else 50)
    print(rows.to_string(max_colwidth=60, na_rep="") if len(rows) else "no runs yet")


if __name__ == "__main__":
    main()
