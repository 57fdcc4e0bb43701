"""A study: trials are runs nested under it, and none is lost, doubled or stopped by another."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from processes import BRIEF, code_of, history, on_command_line, wait_for
from toy import toy
from toy_study import toy_pareto, toy_scan, toy_study

from vfe_lightning.command_line import parse
from vfe_lightning.study.command_line import main
from vfe_lightning.study.storage import finished, open_study, storage_url
from vfe_lightning.study.study_run import STATE, StudyRun
from vfe_lightning.study.watch import RESULT, RUN, curve_of, kept
from vfe_lightning.tracking.record import Record

QUIET = ["--trainer.progress_bar", "false"]
STATES = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAILED": "FAILED"}


def optuna_study(home, name="toy_study") -> optuna.Study:
    return optuna.load_study(study_name=name, storage=f"sqlite:///{home}/mlruns/optuna.db")


def trial_runs(client, name="toy_study") -> dict[int, object]:
    """The MLflow runs of the trials by their numbers, all nested under one run of the study."""
    experiment = client.get_experiment_by_name(f"studies/{name}")
    runs = client.search_runs([experiment.experiment_id])
    [parent] = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if run is not parent]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} <= {parent.info.run_id}
    return {int(run.data.tags["optuna.trial"]): run for run in children}


def outcome(study, *argv: str) -> int:
    with pytest.raises(SystemExit) as exit:
        main(study, [*argv, *QUIET])
    return exit.value.code


def three_good_trials(home, study) -> None:
    """Whatever the first one draws: the median of their F is low."""
    assert outcome(study, "--n-trials", "1") == 0
    for rate in (0.05, 0.1):
        optuna_study(home, study.name).enqueue_trial({"optimizer.learning_rate": rate})
    assert outcome(study, "--n-trials", "3") == 0


def test_trials_fail_alone_and_all_states_show_in_both(client, home, monkeypatch, capsys):
    monkeypatch.setenv("TOY_TRIALS", "1:nan:7 2:refused 3:error:3")
    assert outcome(toy_study, "--n-trials", "7") == 0
    out = capsys.readouterr().out
    trials, runs = optuna_study(home).trials, trial_runs(client)
    assert len(trials) == 7 and sorted(runs) == list(range(7))
    for trial in trials:
        state = trial.state.name.replace("FAIL", "FAILED")
        run = runs[trial.number]
        assert (run.data.tags["optuna.state"], run.info.status) == (state, STATES[state])
        assert trial.user_attrs["run_id"] == run.info.run_id
        curve = [s for s, _ in history(client, run.info.run_id).get("train/free_energy", [])]
        steps = {"COMPLETE": 20, "PRUNED": max(trial.intermediate_values, default=0)}.get(state)
        assert steps is None or curve == list(range(1, steps + 1))
        assert f"trial {trial.number:3d} {state}" in out
    assert [t.number for t in trials if t.state.name == "FAIL"] == [1, 2, 3]
    assert "NotFinite" in trials[1].user_attrs["error"] and "batch_size" in trials[2].user_attrs["error"]
    assert "boom" in trials[3].user_attrs["error"]
    assert "3 failed trials of study toy_study" in out


def test_the_best_trial_runs_again_with_the_printed_command(client, home, capsys):
    assert outcome(toy_study, "--n-trials", "3") == 0
    out = capsys.readouterr().out
    opened = optuna_study(home)
    best = opened.best_trial
    assert opened.metric_names == ["free_energy"]
    assert all(len(str(t.user_attrs)) < 400 for t in opened.trials)  # as its dashboard shows them
    study = client.get_run(opened.user_attrs["mlflow.run_id"]).data
    error = best.user_attrs["free_energy_error"]
    found = {"best/free_energy": best.value, "best/free_energy_error": error, "trials/complete": 3}
    assert study.metrics == found | {"trials/pruned": 0, "trials/failed": 0}
    assert study.tags["mlflow.note.content"].startswith(f"**best trial {best.number}: free_energy -")
    command = out.strip().splitlines()[-1].split()
    assert command[:4] == ["python", "-m", "toy", "--config"]
    again = parse(toy, [*command[3:], *QUIET]).experiment.run()
    assert again.free_energy == best.value
    recorded = json.loads(kept(best, RESULT))["declaration"]
    assert again.declaration["optimizer"] == recorded["optimizer"]


def test_trials_of_earlier_versions_are_read():
    kind = {"values": [1.0], "user_attrs": {"result": "{}", "curve": {"5": 1.5}}}
    trial = optuna.create_trial(**kind)
    assert kept(trial, RESULT) == "{}" and curve_of(trial) == {5: 1.5}


def test_a_study_goes_on_where_it_ended(client, home, capsys):
    for n in (2, 2, 4):
        assert outcome(toy_study, "--n-trials", str(n)) == 0
        assert len(optuna_study(home).trials) == n
    assert len(trial_runs(client)) == 4
    rates = [t.params["optimizer.learning_rate"] for t in optuna_study(home).trials]
    assert len(set(rates)) == 4  # no sampler begins again with the same numbers


def test_hopeless_trials_are_pruned_without_a_validation_loop(client, home):
    """Three good trials, then bad ones: a learning rate of 1e-4 gets nowhere in 20 steps."""
    three_good_trials(home, toy_study)
    study = optuna_study(home)
    for _ in range(2):
        study.enqueue_trial({"optimizer.learning_rate": 1e-4})
    assert outcome(toy_study, "--n-trials", "5") == 0
    trials = optuna_study(home).trials
    for trial in trials[3:]:
        assert trial.state.name == "PRUNED"
        run = trial_runs(client)[trial.number]
        curve = dict(history(client, run.info.run_id)["train/free_energy"])
        assert trial.intermediate_values[5] == pytest.approx(sum(curve[s] for s in range(1, 6)) / 5)


@pytest.mark.usefixtures("painted_at_last")
@pytest.mark.slow
def test_two_objectives_give_a_front_and_prune_what_is_dominated(client, home, capsys):
    three_good_trials(home, toy_pareto)
    study = optuna_study(home, "toy_pareto")
    assert all(len(t.values) == 2 and t.values[1] > 0 for t in study.trials)
    study.enqueue_trial({"optimizer.learning_rate": 1e-4})
    slow = "TOY_PAUSE", "0.2"
    os.environ[slow[0]] = slow[1]
    try:
        assert outcome(toy_pareto, "--n-trials", "4") == 0
    finally:
        del os.environ[slow[0]]
    assert optuna_study(home, "toy_pareto").trials[3].state.name == "PRUNED"
    run = client.get_run(study.user_attrs["mlflow.run_id"])
    figures = {a.path for a in client.list_artifacts(run.info.run_id, "figures")}
    assert figures == {
        f"figures/{name}.{ending}" for name in ("pareto", "trials") for ending in ("png", "pdf")
    }
    assert outcome(toy_pareto, "--n-trials", "5") == 0  # the model of the sampler is used by now
    assert "run it again" in capsys.readouterr().out


@pytest.mark.slow
def test_a_fast_trial_is_not_pruned_for_a_higher_free_energy(client, home, monkeypatch):
    """It may still be on the front: only trials that are no slower say that it is not."""
    monkeypatch.setenv("TOY_PAUSE", "0.2")
    three_good_trials(home, toy_pareto)
    monkeypatch.delenv("TOY_PAUSE")
    optuna_study(home, "toy_pareto").enqueue_trial({"optimizer.learning_rate": 1e-4})
    assert outcome(toy_pareto, "--n-trials", "4") == 0
    assert optuna_study(home, "toy_pareto").trials[3].state.name == "COMPLETE"


@pytest.mark.slow
def test_a_killed_worker_costs_nothing(client, home):
    """Its trial goes on in the same run from the last checkpoint, for the next worker."""
    log, hasty = home / "log", {"VFE_GRACE": "3", "TOY_BREAK": "kill:13:0"}
    dead = on_command_line(log, "--n-trials", "2", *QUIET, study="toy_study", environment=hasty)
    assert code_of(dead) == -9
    [trial] = optuna_study(home).trials
    assert trial.state.name == "RUNNING"
    hasty["TOY_BREAK"] = "none:0:0"
    again = on_command_line(log, "--n-trials", "2", *QUIET, study="toy_study", environment=hasty)
    assert code_of(again) == 0, log.read_text()
    trials = optuna_study(home).trials
    assert [t.state.name for t in trials].count("FAIL") == 1
    done = finished(trials)
    assert len(done) == 2 and all(t.state.name in ("COMPLETE", "PRUNED") for t in done)
    [retried] = [t for t in trials if t.system_attrs.get("failed_trial") == 0]
    assert retried.params == trials[0].params
    assert retried.user_attrs["run_id"] == trials[0].user_attrs["run_id"]
    curve = history(client, retried.user_attrs["run_id"])["train/free_energy"]
    assert [s for s, _ in curve] == list(range(1, 21))
    whole = toy.vary(**retried.params, **{"trainer.progress_bar": False}).run()
    assert whole.free_energy == retried.value
    assert len(trial_runs(client)) == 2


@pytest.mark.slow
def test_a_worker_killed_in_the_evaluation_leaves_a_trial_that_goes_on(client, home):
    """No training step is left: the pace is that of the steps on record."""
    log, line = home / "log", ["--n-trials", "1", *QUIET]
    hasty = {"VFE_GRACE": "3", "TOY_BREAK": "kill:-1:0"}
    assert code_of(on_command_line(log, *line, study="toy_pareto", environment=hasty)) == -9
    hasty["TOY_BREAK"] = "none:0:0"
    assert code_of(on_command_line(log, *line, study="toy_pareto", environment=hasty)) == 0, log.read_text()
    [dead, retried] = optuna_study(home, "toy_pareto").trials
    assert (dead.state.name, retried.state.name) == ("FAIL", "COMPLETE")
    assert retried.user_attrs["run_id"] == dead.user_attrs["run_id"] and retried.values[1] > 0


def test_what_a_run_did_not_measure_cannot_be_minimised(client, home, capsys):
    """A study without one complete trial has failed."""
    assert outcome(dataclasses.replace(toy_study, objectives=("susceptibility",)), "--n-trials", "1") == 1
    [trial] = optuna_study(home).trials
    assert trial.state.name == "FAIL" and "susceptibility is nan" in trial.user_attrs["error"]
    assert trial_runs(client)[0].data.tags["optuna.state"] == "FAILED"
    assert client.get_run(optuna_study(home).user_attrs["mlflow.run_id"]).info.status == "FAILED"
    assert capsys.readouterr().err == "error: no trial is complete: NotFinite: susceptibility is nan\n"


def test_a_stopped_worker_leaves_its_trial_to_the_next(client, home):
    log = home / "log"
    process = on_command_line(log, "--n-trials", "2", *QUIET, study="toy_study", pause=0.1)
    wait_for(lambda: list(home.rglob("step_*05.ckpt")))
    os.kill(process.pid, signal.SIGTERM)
    assert code_of(process) == 143
    assert log.read_text().strip().endswith("the same command goes on")
    assert [t.state.name for t in optuna_study(home).trials] == ["FAIL", "WAITING"]
    assert code_of(on_command_line(log, "--n-trials", "2", *QUIET, study="toy_study")) == 0, log.read_text()
    trials = optuna_study(home).trials
    assert [t.state.name for t in trials] == ["FAIL", "COMPLETE", "COMPLETE"]
    assert trials[1].user_attrs["run_id"] == trials[0].user_attrs["run_id"]
    assert "2 complete, 0 pruned, 0 failed" in log.read_text()


def test_workers_share_a_study_from_an_empty_store(tmp_path, monkeypatch):
    """Neither a trial too many nor the same point of a grid twice."""
    home = {"VFE_HOME": str(tmp_path)}
    logs = [tmp_path / f"log{i}" for i in range(3)]
    workers = [on_command_line(log, *QUIET, study="toy_scan", environment=home) for log in logs]
    assert [code_of(worker) for worker in workers] == [0] * 3, [log.read_text() for log in logs]
    trials = optuna_study(tmp_path, "toy_scan").trials
    assert sorted(t.params["temperature"] for t in trials) == [0.5, 1.0, 2.0]
    assert all(t.state.name == "COMPLETE" for t in trials)


@pytest.mark.parametrize(
    ("study", "line", "words"),
    [
        (toy_study, "--n-trials 0", "--n-trials = 0 is not allowed: integer > 0"),
        (toy_study, "--workers 0", "--workers = 0"),
        (toy_study, "--optimizer.learning_rate 1", "chosen by the study"),
        (toy_study, "--temprature 1", "did you mean --temperature?"),
        (toy_study, "--batch_size 0", "batch_size = 0"),
        (toy_study, "--resume abc", "there is no --resume"),
        (toy_study, "--storage ftp://x", "--storage = ftp://x is not allowed"),
        (toy_study, "--storage postgresql+psycopg://u@127.0.0.1:9/optuna", "127.0.0.1:9"),
        (toy_study, "--storage sqlite:///HOME/mlruns/mlflow.db", "a database of its own"),
        (toy_scan, "--n-trials 4", "the grid has 3 points"),
        (toy_study, "--n-trials abc", "invalid int value: 'abc'"),
        (toy_study, "--name ../../..", "it must not lead out of its folder"),
        (toy_study, "--name=", "is no name"),
        (toy_study, "--storage postgresql+psycopg://u:Sesame@127.0.0.1:9/optuna", "set OPTUNA_STORAGE"),
        (toy_study, "--trainer.num_nodes 2", "a trial runs on one node"),
        (toy_study, "--trainer.threads 1000000", "trainer.threads = 1000000"),
        (toy_study, "--batch_size 63 --trainer.accumulate 2", "no trial can be carried out: batch_size = 63"),
    ],
)
def test_refusals_are_one_line(study, line, words, home, capsys):
    assert outcome(study, *line.replace("HOME", str(home)).split()) == 2
    err = capsys.readouterr().err
    assert words in err and len(err.strip().splitlines()) == 1 and "Sesame" not in err
    assert not list((home / "mlruns").glob("optuna*")) and not list(home.rglob("trial_*"))


@pytest.mark.parametrize("grace", ["abc", "nan", "-1", "1e9"])
def test_a_grace_period_is_a_number_of_seconds(home, monkeypatch, capsys, grace):
    monkeypatch.setenv("VFE_GRACE", grace)
    assert outcome(toy_study, "--n-trials", "1") == 2
    assert capsys.readouterr().err == f"error: VFE_GRACE = {grace} is not allowed: seconds, > 0\n"


def test_names_and_folders_of_studies_may_have_any_letters(template_store, tmp_path, monkeypatch):
    """Quotation marks, which MLflow's queries cannot have, and what an address has for something else."""
    home, name = tmp_path / "it's 100%25 {new}?", "a 'b'"
    (home / "mlruns").mkdir(parents=True)
    shutil.copy(template_store, home / "mlruns" / "mlflow.db")
    monkeypatch.setenv("VFE_HOME", str(home))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    study, url = dataclasses.replace(toy_study, name=name), storage_url(None)
    first, again = (StudyRun.open(study, open_study(study, url, {}), url, 1) for _ in range(2))
    assert first.run_id == again.run_id
    assert [path.name for path in tmp_path.iterdir()] == [home.name]
    assert {path.name for path in (home / "mlruns").iterdir()} >= {"mlflow.db", "optuna.db"}


def test_all_trials_of_a_study_share_their_flags(client, home, capsys):
    assert outcome(toy_study, "--n-trials", "1", "--temperature", "2") == 0
    assert json.loads(kept(optuna_study(home).trials[0], RESULT))["declaration"]["temperature"] == 2
    assert outcome(toy_study, "--n-trials", "2", "--temperature", "3") == 2
    assert "was begun with --temperature 2.0" in capsys.readouterr().err
    with pytest.raises(SystemExit) as exit:
        main(toy_study, ["--n-trials", "2"])
    assert exit.value.code == 2 and "was begun with --temperature 2.0" in capsys.readouterr().err


@pytest.mark.slow
def test_a_killed_worker_is_replaced(client, home):
    """One command with two workers, one of which is killed: as many trials as were asked for."""
    environment = os.environ | {"TOY_PAUSE": "0.3", "VFE_GRACE": "6"}
    command = [sys.executable, "-m", "toy_study", "--workers", "2", "--n-trials", "4", *QUIET]
    leader = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    wait_for(lambda: len(list(home.rglob("step_*05.ckpt"))) > 1, 180)
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(leader.pid)], capture_output=True, text=True)
    os.kill(int(listed.stdout.split()[0]), signal.SIGKILL)
    out, _ = leader.communicate(timeout=400)
    assert leader.returncode == 0 and "another takes its place" in out
    trials = optuna_study(home).trials
    assert len(finished(trials)) == 4 and [t.state.name for t in trials].count("FAIL") == 1
    assert all(t.state.name in ("COMPLETE", "PRUNED") for t in finished(trials))


@pytest.mark.slow
def test_the_ranks_of_a_trial_share_its_parameters(client, home, capfd):
    """Two processes a trial: all of them train what the trial says, and are pruned together."""
    line = ["--trainer.devices", "2", *QUIET, "--n-trials"]
    for trials, next_rates in (("1", (0.05, 0.1)), ("3", (1e-4,)), ("4", ())):
        done = subprocess.run(
            [sys.executable, "-m", "toy_study", *line, trials], capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
        for rate in next_rates:
            optuna_study(home).enqueue_trial({"optimizer.learning_rate": rate})
    trials, runs = optuna_study(home).trials, trial_runs(client)
    assert trials[3].state.name == "PRUNED" and runs[3].info.status == "KILLED"
    for trial in trials[:2]:
        assert trial.state.name == "COMPLETE"
        declaration = json.loads(kept(trial, RESULT))["declaration"]
        assert declaration["trainer"]["devices"] == 2
        rate = declaration["optimizer"]["learning_rate"]
        assert rate == trial.params["optimizer.learning_rate"]
        assert float(runs[trial.number].data.params["optimizer.learning_rate"]) == rate


def test_the_end_of_a_trial_waits_for_a_server_that_is_away(client, home, monkeypatch):
    """It is no error of the trial, whose numbers Optuna has."""

    def away(*_, **__):
        raise MlflowException("the server is away")

    record = Record.start(BRIEF)
    trial = optuna.create_study().ask()
    trial.set_user_attr(RUN, record.run_id)
    with monkeypatch.context() as patch:
        for name in ("log_batch", "set_tag", "get_run"):
            patch.setattr(MlflowClient, name, away)
        StudyRun(toy_study, client, record.run_id).tell(trial, "COMPLETE", "F = 1")
    assert record.outbox.deliver(at_once=True)
    assert client.get_run(record.run_id).data.tags[STATE] == "COMPLETE"


def test_workers_that_end_at_once_do_not_insert_a_tag_twice(client, home):
    run_id = client.create_run("0").info.run_id
    barrier = threading.Barrier(3)

    def end(worker: int) -> None:
        run = StudyRun(toy_scan, client, run_id)
        for tag in range(15):
            barrier.wait(60)
            run.tag({f"best.{tag}": str(worker)})

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(end, range(3)))
    assert len([name for name in client.get_run(run_id).data.tags if name.startswith("best.")]) == 15
