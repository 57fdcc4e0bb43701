"""Every way in which a run may end, and how it goes on: on the toy, in this process."""

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from mlflow import MlflowClient
from processes import died, history
from toy import toy

from vfe_lightning.analysis import quoted
from vfe_lightning.analysis.runs import listed
from vfe_lightning.command_line import main
from vfe_lightning.errors import Interrupted, NotFinite, Refused
from vfe_lightning.tracking import store
from vfe_lightning.tracking.checkpoints import checkpoints_in, latest
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.tables import runs_and_curves

QUIET = toy.vary(**{"trainer.progress_bar": False})


def only_run(client):
    [run] = client.search_runs([e.experiment_id for e in client.search_experiments()])
    return run


def checkpoints(run) -> list[Path]:
    return checkpoints_in(Path(run.info.artifact_uri.removeprefix("file://")) / "checkpoints")


def parameters(run) -> list[torch.Tensor]:
    state = torch.load(checkpoints(run)[-1], weights_only=True)
    return [*state["state_dict"].values(), *state["current_model_state"].values(), *state["generators"]]


@pytest.mark.usefixtures("painted")
def test_a_run_leaves_everything(client, home):
    result = QUIET.run(json=home / "out.json")
    run = client.get_run(result.run_id)
    assert run.info.status == result.status == "FINISHED"
    assert run.info.run_name == QUIET.label() and "temperature=0.5" in run.info.run_name
    assert run.data.params["temperature"] == "0.5" and run.data.params["optimizer.learning_rate"] == "0.05"
    assert {
        "vfe.version",
        "git.dirty",
        "version.torch",
        "device",
        "seed",
        "vfe.host",
        "units",
    } <= run.data.tags.keys()
    page = run.data.tags["mlflow.note.content"]
    assert page.startswith("**F = -0.2") and "\n\nexact -0.286182" in page
    assert page.index("| variance |") < page.index("A classical particle in a harmonic well.")
    metrics = history(client, result.run_id)
    assert [step for step, _ in metrics["train/free_energy"]] == list(range(1, 21))
    assert metrics["_quoted/free_energy"] == [(20, result.free_energy)]
    assert {name.partition("/")[0] for name in metrics} == {"train", "_quoted"}
    assert result.excess == pytest.approx(result.free_energy - result.reference_free_energy)
    assert abs(result.excess) < 0.05
    assert json.loads((home / "out.json").read_text()) == asdict(result)
    names = {a.path for a in client.list_artifacts(result.run_id)}
    assert {
        "declaration.json",
        "results.csv",
        "results.txt",
        "profiles.json",
        "figures",
        "checkpoints",
    } <= names
    assert [p.name for p in checkpoints(run)] == ["step_00000015.ckpt", "step_00000020.ckpt"]
    rows = {row.run: row for row in listed(client)}
    assert {p.name for p in Path(run.info.artifact_uri.removeprefix("file://")).glob("figures/*")} == {
        "convergence.png", "convergence.pdf"
    }  # fmt: skip
    assert rows[result.run_id[:8]].F == result.free_energy


def test_nan_stops_the_run_and_keeps_the_checkpoint(client, home, break_at, capsys):
    break_at("nan:13:0")
    with pytest.raises(SystemExit) as exit:
        main(QUIET, ["--json", str(home / "out.json")])
    run = only_run(client)
    assert exit.value.code == 1 and run.info.status == "FAILED"
    assert [p.name for p in checkpoints(run)] == ["step_00000005.ckpt", "step_00000010.ckpt"]
    err = capsys.readouterr().err.strip()
    assert "free_energy is nan at step 12" in err and str(checkpoints(run)[-1]) in err and "\n" not in err
    assert "free_energy is nan" in run.data.tags["vfe.error"]
    written = json.loads((home / "out.json").read_text())
    assert written["status"] == "FAILED" and written["run_id"] == run.info.run_id and written["steps"] == 12


def test_an_error_is_kept_with_its_traceback(client, break_at):
    break_at("error:7:0")
    with pytest.raises(RuntimeError, match="boom"):
        QUIET.run()
    run = only_run(client)
    assert run.info.status == "FAILED" and run.data.tags["vfe.error"] == "RuntimeError: boom"
    assert len(history(client, run.info.run_id)["train/free_energy"]) == 6
    assert "traceback.txt" in {a.path for a in client.list_artifacts(run.info.run_id)}


@pytest.mark.parametrize(("how", "code"), [("interrupt", 130), ("terminate", 143)])
@pytest.mark.parametrize("step", [13, -1])
def test_signals_stop_in_good_order(client, break_at, capsys, how, code, step):
    before = signal.getsignal(signal.SIGTERM)
    break_at(f"{how}:{step}:0")
    with pytest.raises(SystemExit) as exit:
        main(QUIET, [])
    run = only_run(client)
    assert exit.value.code == code and run.info.status == "KILLED"
    assert checkpoints(run)[-1].name == ("step_00000013.ckpt" if step > 0 else "step_00000020.ckpt")
    assert f"--resume {run.info.run_id[:8]}" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("how", ["nan", "interrupt"])
def test_a_stopped_run_goes_on_bit_for_bit(client, break_at, how):
    whole = QUIET.run()
    break_at(f"{how}:13:0")
    with pytest.raises((NotFinite, Interrupted)):
        QUIET.run()
    broken = client.search_runs([only.experiment_id for only in client.search_experiments()], max_results=1)[
        0
    ]
    break_at("none:0:0")
    resumed = QUIET.run(resume=broken.info.run_id[:10])
    assert resumed.run_id == broken.info.run_id and resumed.free_energy == whole.free_energy
    runs = [client.get_run(whole.run_id), client.get_run(resumed.run_id)]
    assert all(torch.equal(a, b) for a, b in zip(*map(parameters, runs), strict=True))
    assert history(client, whole.run_id) == history(client, resumed.run_id)
    assert runs[1].info.status == "FINISHED" and "vfe.error" not in runs[1].data.tags


def test_a_finished_run_trains_on(client):
    whole = QUIET.vary(**{"trainer.max_steps": 40}).run()
    short = QUIET.run()
    with pytest.raises(Refused, match=r"raise --trainer\.max_steps"):
        QUIET.run(resume=short.run_id)
    longer = QUIET.vary(**{"trainer.max_steps": 40}).run(resume=short.run_id)
    assert (longer.run_id, longer.free_energy) == (short.run_id, whole.free_energy)


def test_a_run_of_a_version_whose_curves_had_plain_names_goes_on_under_them(client, monkeypatch):
    longer = QUIET.vary(**{"trainer.max_steps": 40})
    with monkeypatch.context() as earlier:
        earlier.setattr(quoted, "TRAINING", "")
        old = QUIET.run()
    resumed, whole = longer.run(resume=old.run_id), longer.run()
    ours, theirs = (
        {name: curve for name, curve in history(client, run.run_id).items() if not quoted.is_quoted(name)}
        for run in (whole, resumed)
    )
    assert theirs == {name.removeprefix("train/"): curve for name, curve in ours.items()} != ours
    assert {row.F for row in listed(client)} == {whole.free_energy}
    _, curves = runs_and_curves(client, store.tracking_uri(), "toy")
    one, other = (curves[curves["run"] == run.run_id]["free_energy"].tolist() for run in (whole, resumed))
    assert one == other == [value for _, value in ours["train/free_energy"]]


def test_what_may_not_be_resumed(client, capsys):
    run_id = QUIET.run().run_id
    for line, words in {
        f"--resume {run_id} --temperature 0.7": "temperature = 0.7 is not that of run",
        f"--resume {run_id} --trainer.devices 2": "trainer.devices = 2",
        "--resume nothing": "no run nothing",
    }.items():
        with pytest.raises(SystemExit) as exit:
            main(QUIET, line.split())
        err = capsys.readouterr().err
        assert exit.value.code == 2 and words in err and len(err.strip().splitlines()) == 1


def damaged(path: Path) -> None:
    """Bytes in the middle are others: the file is as long, and loads."""
    content = bytearray(path.read_bytes())
    for i in range(64):
        content[len(content) // 2 + i] ^= 0xFF
    path.write_bytes(content)
    torch.load(path, weights_only=True)


def test_a_damaged_checkpoint_is_skipped_for_the_one_before(client, capsys):
    first = QUIET.run()
    before, newest = checkpoints(client.get_run(first.run_id))
    curves = history(client, first.run_id)
    damaged(newest)
    again = QUIET.run(resume=first.run_id)
    told = [line for line in capsys.readouterr().err.splitlines() if newest.name in line]
    assert len(told) == 1 and f"goes on from {before.name}" in told[0] and "SHA-256" in told[0]
    assert again.free_energy == first.free_energy and history(client, first.run_id) == curves
    assert checkpoints(client.get_run(first.run_id)) == [before, newest]
    for path in (before, newest):
        damaged(path)
    with pytest.raises(Refused, match=r"no checkpoint .* that can be read \(step_00000020\.ckpt: "):
        QUIET.vary(**{"trainer.max_steps": 40}).run(resume=first.run_id)


def changed(path: Path, change) -> None:
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)
    path.with_name(f"{path.name}.sha256").unlink(missing_ok=True)


def test_missing_and_damaged_records_are_told_in_one_line(client, capsys):
    run_id = QUIET.run().run_id
    run = client.get_run(run_id)
    before, newest = checkpoints(run)
    folder = newest.parents[1]
    longer = ["--resume", run_id, "--trainer.max_steps"]

    def told(code: int, *words: str, steps: int) -> None:
        with pytest.raises(SystemExit) as exit:
            main(QUIET, [*longer, str(steps)])
        err = capsys.readouterr().err.strip()
        assert exit.value.code == code and all(word in err for word in words), err
        assert len(err.splitlines()) == 1

    def resize(state):
        state["state_dict"] = {name: v.new_zeros(3) for name, v in state["state_dict"].items()}

    changed(newest, resize)
    told(2, "other names or shapes", "model.log_width", steps=25)
    assert client.get_run(run_id).info.status == "FINISHED"  # it was not touched
    newest.unlink()
    (folder / "declaration.json").write_text('{"name": "toy", ')
    told(0, "declaration.json of run", f"taken from {before.name}", steps=25)
    (folder / "declaration.json").unlink()
    for path in (folder / "checkpoints").glob("*.ckpt"):
        changed(path, lambda state: state.pop("origin"))
    told(2, "declaration.json of run", "no checkpoint says", steps=30)
    for path in checkpoints(run):
        changed(path, lambda state: state.pop("global_step"))
    with pytest.raises(Refused, match="it has no global_step"):
        latest(folder / "checkpoints", run_id)


def test_refused_before_a_run_is_made(client, home, monkeypatch):
    with pytest.raises(Refused, match="batch_size = 63 does not split"):
        QUIET.vary(batch_size=63, **{"trainer.accumulate": 2}).run()
    with pytest.raises(Refused, match="cannot be written"):
        QUIET.run(json="/dev/null/out.json")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    for change, words in {
        ("trainer.accelerator", "gpu"): "No supported gpu backend",
        ("trainer.num_nodes", 2): "nothing says where the other machines are",
    }.items():
        with pytest.raises(Refused, match=words):
            QUIET.vary(**dict([change])).run(json=home / "new.json")
    for name in ("resume", "init_from"):
        with pytest.raises(Refused, match="an empty text names none"):
            QUIET.run(**{name: ""})
    assert not client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert not (home / "new.json").exists()


def test_a_run_that_cannot_be_recorded_is_taken_back(client, home, monkeypatch):
    """As on a disk that becomes full at this moment."""

    def no_room(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(MlflowClient, "log_batch", no_room)
    with pytest.raises(Refused, match="No space left on device"):
        Record.start(QUIET)
    assert not client.search_runs([e.experiment_id for e in client.search_experiments()])


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory"), RuntimeError("boom")]
)
def test_what_does_not_fit_is_told_in_one_line(home, monkeypatch, capsys, error):
    def step(*_):
        raise error

    monkeypatch.setattr("toy_system.ToySystem.estimate", step)
    with pytest.raises(RuntimeError if "boom" in str(error) else SystemExit) as told:
        main(QUIET, [])
    if told.type is SystemExit:
        [line] = capsys.readouterr().err.splitlines()
        assert told.value.code == 1 and line.startswith("error: no memory for step 0 of run ")


def process(home: Path, *arguments: str, broken: str = "none:0:0", timeout: int = 300):
    folders = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(folders),
        "TOY_BREAK": broken,
        "VFE_HOME": str(home),
    }
    command = [sys.executable, "-m", "toy", "--trainer.progress_bar", "false", *arguments]
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=timeout)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_kill_9_and_resume(client, home, devices):
    line = ["--trainer.devices", str(devices)]
    dead = process(home, *line, broken="kill:13:0")
    assert dead.returncode in (-9, 137)
    [broken] = client.search_runs([e.experiment_id for e in client.search_experiments()])
    done = process(home, *line, "--resume", broken.info.run_id[:8], "--json", str(home / "out.json"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    if devices == 1:
        whole = QUIET.run().run_id
    else:
        other = process(home, *line, "--json", str(home / "whole.json"))
        assert other.returncode == 0, other.stderr
        whole = json.loads((home / "whole.json").read_text())["run_id"]
    runs = [client.get_run(whole), client.get_run(broken.info.run_id)]
    assert [run.info.status for run in runs] == ["FINISHED", "FINISHED"]
    assert all(torch.equal(a, b) for a, b in zip(*map(parameters, runs), strict=True))
    assert history(client, whole) == history(client, broken.info.run_id)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "code", "status"),
    [("nan:13:1", 1, "FAILED"), ("terminate:13:1", 143, "KILLED"), ("error:13:1", None, "FAILED")],
)
def test_two_processes_end_together(client, home, how, code, status):
    done = process(home, "--trainer.devices", "2", broken=how)
    assert done.returncode == code if code else done.returncode != 0
    [run] = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert run.info.status == status


def test_runs_are_listed(client, home):
    from vfe_lightning.tracking.record import Record, sweep

    record = Record.start(QUIET)
    died(client, record.run_id)
    sweep(client)
    assert [row.status for row in listed(client, "toy")] == ["KILLED"]
