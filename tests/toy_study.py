"""A search on the toy, in which trials fail, are pruned and take several processes if they are told to."""

import os

from toy import toy

from vfe_lightning import Experiment, Study
from vfe_lightning.declarations import TPE, Pruning


def learning_rate(trial) -> Experiment:
    rate = trial.suggest_float("optimizer.learning_rate", 1e-4, 1.0, log=True)
    slow = trial.suggest_categorical("trainer.checkpoint_every", [5])
    if str(trial.number) in os.environ.get("TOY_REFUSE", "").split():
        return toy.vary(batch_size=-1)
    return toy.vary(**{"optimizer.learning_rate": rate, "trainer.checkpoint_every": slow})


toy_study = Study(
    name="toy_study",
    experiment=learning_rate,
    search=TPE(startup_trials=3),
    n_trials=6,
    pruning=Pruning(every=5, warmup_steps=5, startup_trials=2),
)

if __name__ == "__main__":
    toy_study.main()
