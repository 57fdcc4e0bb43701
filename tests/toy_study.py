"""Searches and a scan on the toy.

TOY_TRIALS="1:nan:7 2:refused" makes trial 1 break at step 7 and trial 2 impossible.
"""

import os

from toy import toy

from vfe_lightning import Experiment, Study
from vfe_lightning.declarations import GP, TPE, Grid, Pruning


def misbehave(number: int) -> bool:
    """Whether the trial is to be refused; it may also be told to break."""
    told = dict(word.split(":", 1) for word in os.environ.get("TOY_TRIALS", "").split())
    how = told.get(str(number), "none:0")
    if "TOY_TRIALS" in os.environ:
        os.environ["TOY_BREAK"] = f"{how}:0" if ":" in how else "none:0:0"
    return how == "refused"


def learning_rate(trial) -> Experiment:
    rate = trial.suggest_float("optimizer.learning_rate", 1e-4, 1.0, log=True)
    if misbehave(trial.number):
        return toy.vary(batch_size=-1)
    return toy.vary(**{"optimizer.learning_rate": rate})


def point(trial) -> Experiment:
    return toy.vary(temperature=trial.suggest_categorical("temperature", [0.5, 1.0, 2.0]))


toy_study = Study(
    name="toy_study",
    experiment=learning_rate,
    search=TPE(startup_trials=3),
    n_trials=6,
    pruning=Pruning(every=5, warmup_steps=5, startup_trials=3),
)
toy_pareto = Study(
    name="toy_pareto",
    experiment=learning_rate,
    search=GP(startup_trials=3),
    n_trials=6,
    objectives=("free_energy", "seconds_per_step"),
    pruning=Pruning(every=5, warmup_steps=5, startup_trials=3),
)
toy_scan = Study(
    name="toy_scan", experiment=point, search=Grid(values={"temperature": (0.5, 1.0, 2.0)}), pruning=None
)

if __name__ == "__main__":
    toy_study.main()
