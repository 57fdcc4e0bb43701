"""One trial: in this process or, where it takes several, in processes of its own."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import optuna
from lightning.pytorch.utilities import rank_zero_only

from vfe_lightning.errors import Pruned
from vfe_lightning.experiment import Experiment
from vfe_lightning.result import Result
from vfe_lightning.study.plan import StudyPlan
from vfe_lightning.study.storage import connect, pruner, storage_url
from vfe_lightning.study.watch import RUN, Watch
from vfe_lightning.tracking.filing import Filing
from vfe_lightning.tracking.resume import may_go_on


def carry_out(
    study: StudyPlan,
    trial: optuna.Trial | None,
    experiment: Experiment,
    filing: Filing,
    known_run: str | None,
    parent: int | None,
    start: str | None = None,
) -> Result:
    """Train and evaluate on all ranks; only rank 0 has the trial.

    A trial whose worker died goes on in its old run, from the last checkpoint. Another one begins with the
    parameters of the run `start`.
    """
    watch = Watch(trial, study.pruning, parent)
    resume = known_run if known_run and may_go_on(known_run) else None
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        init_from = None if resume else start
        # Optuna hands out a trial again only when its worker has given no sign of life.
        going_on = resume is not None
        return experiment.run(
            resume=resume, take_over=going_on, callbacks=[watch], filing=filing, init_from=init_from
        )


def in_own_processes(
    study: StudyPlan,
    url: str,
    trial: optuna.Trial,
    experiment: Experiment,
    filing: Filing,
    start: str | None = None,
) -> Result:
    """Lightning starts the other ranks with the command line of rank 0, which must name the trial:
    otherwise every rank would ask Optuna for parameters of its own."""
    with tempfile.TemporaryDirectory(prefix="vfe-trial-") as folder:
        order, answer = Path(folder) / "order.json", Path(folder) / "answer.json"
        spec = {
            "study": trial.study.study_name,
            "trial": trial._trial_id,
            "declaration": experiment.declared(),
            "filing": asdict(filing),
            "run": trial.user_attrs.get(RUN),
            "parent": os.getpid(),
            "start": start,
            "answer": str(answer),
        }
        order.write_text(json.dumps(spec))
        command = [*_command_of(study), "--trial", str(order)]
        with tempfile.TemporaryFile("w+") as log:
            process = subprocess.Popen(
                command,
                env=os.environ | {"OPTUNA_STORAGE": url},
                stdout=subprocess.DEVNULL,
                stderr=log,
                process_group=0,
            )
            try:
                code = process.wait()
            except BaseException:
                process.terminate()
                process.wait()
                raise
            if not answer.exists():
                log.seek(0)
                last = (log.read().strip().splitlines() or ["no message"])[-1]
                raise RuntimeError(f"its processes ended with code {code}: {last}")
        told = json.loads(answer.read_text())
    if "pruned" in told:
        raise Pruned(told["pruned"])
    return Result(**told)


def child(study: StudyPlan, order: Path) -> NoReturn:
    """What `in_own_processes` starts, on every rank."""
    spec: dict[str, Any] = json.loads(order.read_text())
    experiment = study.example[0].redeclared(spec["declaration"])
    trial = None
    if (rank_zero_only.rank or 0) == 0:
        known = optuna.load_study(
            study_name=spec["study"], storage=connect(storage_url(None)), pruner=pruner(study.pruning)
        )
        trial = optuna.Trial(known, spec["trial"])
    parent = spec["parent"] if trial else None
    answer: dict[str, Any] | None = None
    try:
        filing, start = Filing(**spec["filing"]), spec["start"]
        result = carry_out(study, trial, experiment, filing, spec["run"], parent, start)
        answer = result.plain()
    except Pruned as reason:
        answer = {"pruned": str(reason)}
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
    if trial:
        Path(spec["answer"]).write_text(json.dumps(answer))
    sys.exit(0)


def _command_of(study: StudyPlan) -> list[str]:
    scan = [sys.executable, "-m", "vfe_lightning", "scan", *study.arguments]
    return scan if study.arguments else this_command()


def this_command() -> list[str]:
    """How this program was started, without its arguments."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return [sys.executable, "-m", spec.name] if spec else [sys.executable, sys.argv[0]]
