"""A run that somebody deletes in MLflow while it goes on: nothing is lost, and others are not concerned."""

import json
from pathlib import Path

import pytest
from lightning.pytorch.callbacks import LambdaCallback
from processes import BRIEF, died, history
from toy import toy

from vfe_lightning.errors import Deleted, Refused
from vfe_lightning.tracking.checkpoints import checkpoints_in
from vfe_lightning.tracking.record import Record


def deleting(client, step: int, whole_experiment: bool):
    """Somebody who deletes the only run, or all of its experiment, at this step."""

    def delete(trainer, *_):
        if trainer.global_step == step:
            run = client.get_run(trainer.logger.run_id)
            if whole_experiment:
                client.delete_experiment(run.info.experiment_id)
            else:
                client.delete_run(run.info.run_id)

    return LambdaCallback(on_train_batch_end=delete)


SHORT = toy.vary(**{"trainer.progress_bar": False})


def deleted(client, home, whole_experiment: bool = False) -> tuple:
    """A run that was deleted at step 13, and the line that it ended with."""
    with pytest.raises(Deleted) as told:
        SHORT.run(json=home / "out.json", callbacks=[deleting(client, 13, whole_experiment)])
    return client.get_run(json.loads((home / "out.json").read_text())["run_id"]), str(told.value)


def test_a_deleted_run_leaves_its_numbers_and_says_how_it_comes_back(client, home):
    run, line = deleted(client, home)
    written = json.loads((home / "out.json").read_text())
    assert written["status"] == "FAILED" and written["free_energy"] is not None
    newest = checkpoints_in(Path(run.info.artifact_uri.removeprefix("file://")) / "checkpoints")[-1]
    remedy = f"runs restore --run-id {run.info.run_id}"
    assert str(newest) in line and remedy in line and "\n" not in line
    with pytest.raises(Refused, match=remedy):
        SHORT.run(resume=run.info.run_id[:8])


@pytest.mark.slow
@pytest.mark.parametrize("whole_experiment", [False, True], ids=["the run", "its experiment"])
def test_a_restored_run_goes_on_to_the_same_end(client, home, whole_experiment):
    whole = SHORT.run()
    run, line = deleted(client, home, whole_experiment)
    if whole_experiment:
        assert f"experiments restore --experiment-id {run.info.experiment_id}" in line
        client.restore_experiment(run.info.experiment_id)
    else:
        client.restore_run(run.info.run_id)
    died(client, run.info.run_id)
    assert SHORT.run(resume=run.info.run_id[:8]).free_energy == whole.free_energy
    assert history(client, run.info.run_id) == history(client, whole.run_id)


def test_sweep_goes_on_past_what_it_cannot_deliver(client, home, run_command):
    records = [Record.start(BRIEF) for _ in range(3)]
    for record in records:
        died(client, record.run_id)
        record.outbox.keep({"tags": {"kept": "yes"}})
    deleted, refused, fine = sorted(records, key=lambda record: record.run_id)
    client.delete_run(deleted.run_id)
    never = {"tags": {"a" * 300: "this name is too long"}}
    refused.outbox.file.write_text(json.dumps(never) + "\n" + refused.outbox.file.read_text())
    (deleted.outbox.file.parent / f"{'0' * 32}.jsonl").write_text(
        '{"tags": {"of": "a run that never was"}}\n'
    )
    code, out, _ = run_command("sweep")
    assert code == 0 and "records of 2 runs delivered, of 2 runs still kept" in out
    assert f"runs restore --run-id {deleted.run_id}" in out and "too long" not in out
    assert client.get_run(fine.run_id).data.tags["kept"] == "yes"
    client.restore_run(deleted.run_id)
    code, out, _ = run_command("sweep")
    assert "records of 1 runs delivered, of 1 runs still kept" in out
    for record in records:
        assert client.get_run(record.run_id).data.tags["kept"] == "yes"
    assert json.loads(refused.outbox.file.with_suffix(".refused").read_text()) == never
