"""Lightning's own callbacks see what each step measures, and log where all else of a run is."""

from lightning.pytorch.callbacks import EarlyStopping, LambdaCallback, ModelCheckpoint
from toy import toy


def test_callbacks_of_lightning_work_as_they_are(client, home):
    """An epoch is what lies between two checkpoints: at the end of the first one training stops early."""
    stop = EarlyStopping("free_energy", stopping_threshold=1e6)
    best = ModelCheckpoint(monitor="energy", every_n_train_steps=1, filename="{step}")
    log = LambdaCallback(
        on_train_start=lambda trainer, _: trainer.logger.log_metrics({"my (number)": 2.0}, 3),
    )
    short = toy.vary(**{"trainer.progress_bar": False, "trainer.checkpoint_every": 4})
    result = short.run(callbacks=[stop, best, log])
    energies = {m.step: m.value for m in client.get_metric_history(result.run_id, "train/energy")}
    assert (result.status, result.steps, list(energies)) == ("FINISHED", 4, [1, 2, 3, 4])
    assert best.best_model_score == min(energies.values())
    assert best.best_model_path.endswith(f"step={min(energies, key=energies.__getitem__)}.ckpt")
    [number] = client.get_metric_history(result.run_id, "my number")
    assert (number.step, number.value) == (3, 2.0)
