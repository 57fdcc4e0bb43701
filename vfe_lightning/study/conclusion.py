"""What a study leaves: a table of its trials, figures, and the best declarations, ready to be run again."""

import json
import os
import shlex
import sys
from pathlib import Path

import optuna
import pandas as pd
import yaml
from optuna.trial import FrozenTrial, TrialState

from vfe_lightning.analysis import study_figures
from vfe_lightning.declarations.study import Grid
from vfe_lightning.notation import with_error
from vfe_lightning.result import Result, Status
from vfe_lightning.study.named import PACKAGE, names
from vfe_lightning.study.plan import StudyPlan
from vfe_lightning.study.storage import outcomes
from vfe_lightning.study.study_run import StudyRun, chosen
from vfe_lightning.study.watch import RESULT, RUN, curve_of, kept
from vfe_lightning.study.worker import ERROR
from vfe_lightning.tracking import store

SHOWN = 20  # trials on the page of a study


def conclude(study: StudyPlan, run: StudyRun, opened: optuna.Study, status: Status) -> int:
    """Record what is known so far in the run of the study, and print it; returns the exit status.

    A study none of whose trials is complete has failed.
    """
    trials = outcomes(opened.trials)
    table = trial_table(study, trials)
    run.client.log_text(run.run_id, table.to_csv(index=False), "trials.csv")
    results = {t.number: result_of(t) for t in trials if t.state == TrialState.COMPLETE}
    print(f"\n{counts(trials)} trials of study {study.name}, run {run.run_id[:8]}")
    if study.report and results:
        report, figures = study.report(list(results.values()))
        run.client.log_text(run.run_id, report.to_csv(index=False), "table.csv")
        run.draw(figures)
        print(f"\n{in_text(report)}")
    run.draw(own_figures(study, trials, results))
    run.progress(opened)
    run.describe(in_markdown(study, run, trials, results))
    artifacts = run.client.get_run(run.run_id).info.artifact_uri
    print(f"\ntables and figures: {(artifacts or '').removeprefix('file://')}")
    print("all runs in the browser: python -m vfe_lightning ui")
    if opened.best_trials and not isinstance(study.search, Grid):  # a scan has no best point
        print_best(study, run, opened, results)
    if status == "FINISHED" and not results:
        status = "FAILED"
        errors = [t.user_attrs[ERROR] for t in trials if ERROR in t.user_attrs]
        print(f"error: no trial is complete{f': {errors[0]}' if errors else ''}", file=sys.stderr)
    run.client.set_terminated(run.run_id, status)
    return 0 if status == "FINISHED" else 1


def in_markdown(
    study: StudyPlan, run: StudyRun, trials: list[FrozenTrial], results: dict[int, Result]
) -> str:
    """How many trials, and the complete ones: the best first, or in the order of a scan."""
    complete = [t for t in trials if t.number in results]
    best = not isinstance(study.search, Grid)
    shown = sorted(complete, key=lambda t: t.values) if best else complete
    lines = [f"| {'best trials' if best else 'trials'} | found | chosen | run |", "|--:|:--|:--|:--|"]
    for t in shown[:SHOWN]:
        found, run_id = run.in_words(results[t.number]), t.user_attrs.get(RUN, "")[:8]
        lines.append(f"| {t.number} | {found} | {chosen(t.params)} | {run_id} |")
    told = (
        [f"**best trial {shown[0].number}: {run.in_words(results[shown[0].number])}**"]
        if shown and best
        else []
    )
    return "\n\n".join([*told, counts(trials), "\n".join(lines) if shown else ""])


def counts(trials: list[FrozenTrial]) -> str:
    names = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
    return ", ".join(f"{sum(t.state == state for t in trials)} {name}" for state, name in names.items())


def trial_table(study: StudyPlan, trials: list[FrozenTrial]) -> pd.DataFrame:
    """One row a trial: state, objectives with errors, parameters, run."""
    rows = []
    for t in trials:
        row: dict[str, object] = {"trial": t.number, "state": t.state.name.replace("FAIL", "FAILED")}
        if t.state == TrialState.COMPLETE:
            for name in study.objectives:
                row[name], row[f"{name}_error"] = result_of(t).number(name)
        row |= {"steps": max(curve_of(t), default=None), **t.params}
        row |= {"run": t.user_attrs.get(RUN), "error": t.user_attrs.get(ERROR)}
        rows.append(row)
    return pd.DataFrame(rows)


def in_text(table: pd.DataFrame) -> str:
    """The same with each error behind its number, where it is one."""
    shown = table.astype(object).where(table.notna(), "")
    for name in [name for name in table if f"{name}_error" in table]:
        pairs = zip(table[name], table[f"{name}_error"], strict=True)
        shown[name] = ["" if pd.isna(v) else with_error(v, 0.0 if pd.isna(e) else e) for v, e in pairs]
        del shown[f"{name}_error"]
    return shown.to_string(index=False)


def own_figures(study: StudyPlan, trials: list[FrozenTrial], results: dict[int, Result]):
    curves = {t.number: (t.state.name, curve_of(t)) for t in trials if curve_of(t)}
    figures = {"trials": study_figures.curves(curves)} if curves else {}
    if len(study.objectives) == 2 and results:
        points = {n: [r.number(name) for name in study.objectives] for n, r in results.items()}
        figures["pareto"] = study_figures.pareto(points, study.objectives)
    return figures


def print_best(study: StudyPlan, run: StudyRun, opened: optuna.Study, results: dict[int, Result]) -> None:
    """The declaration of the best trial, and the command that runs it again."""
    best = sorted(opened.best_trials, key=lambda t: t.values)
    files = {t.number: write_declaration(study, t.number, results[t.number].declaration) for t in best}
    if len(best) > 1:
        print("\nPareto front:")
        for t in best:
            print(f"  trial {t.number:3d}  {run.in_words(results[t.number])}  {files[t.number]}")
    first = results[best[0].number]
    print(f"\nbest trial {best[0].number}, run {(first.run_id or '')[:8]}: {run.in_words(first)}\n")
    print(files[best[0].number].read_text())
    file = shlex.quote(str(files[best[0].number]))
    print(f"run it again:\n    python {program_of(study, first.name)} --config {file}")
    for file in files.values():
        run.client.log_artifact(run.run_id, str(file), "best")
    run.tag({"best.trial": str(best[0].number), "best.run": first.run_id or ""})


def write_declaration(study: StudyPlan, trial_number: int, declaration: dict) -> Path:
    """A file for `--config`, relative to the working directory where it lies below it."""
    folder = store.project_root() / "mlruns" / "studies" / study.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"trial_{trial_number:03d}.yaml"
    trainer = {k: v for k, v in declaration["trainer"].items() if k != "progress_bar"}
    path.write_text(yaml.safe_dump(declaration | {"trainer": trainer}, sort_keys=False))
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else Path(relative)


def program_of(study: StudyPlan, experiment: str) -> str:
    """Where the command line of an experiment is: the script that was scanned, or a module of its name."""
    if study.arguments and study.arguments[0].endswith(".py"):
        return shlex.quote(study.arguments[0])
    folder = f"{PACKAGE}." if experiment in names() else ""
    return f"-m {folder}{experiment}"


def result_of(trial: FrozenTrial) -> Result:
    return Result(**json.loads(kept(trial, RESULT)))
