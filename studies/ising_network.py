"""Which network and which optimiser of 8 x 8 Ising spins is worth its time? F against seconds a step.

MADE or PixelCNN, their sizes, and Adam or the natural gradient with their step sizes.

    python -m studies.ising_network --n-trials 20 --workers 2
"""

from typing import TYPE_CHECKING, Any

from experiments.ising import ising
from vfe_lightning import Experiment, Study
from vfe_lightning.declarations import TPE, Pruning

if TYPE_CHECKING:
    from optuna import Trial

SMALL = ising.vary(
    L=8,
    batch_size=200,
    **{"annealing.steps": 100, "trainer.max_steps": 200, "trainer.evaluation_batches": 20},
)


def network(trial: "Trial") -> Experiment:
    kind = trial.suggest_categorical("network.kind", ["made", "pixel_cnn"])
    widths = (2, 8) if kind == "made" else (4, 24)
    part = {
        "kind": kind,
        "depth": trial.suggest_int("network.depth", 2, 4),
        "width": trial.suggest_int(f"{kind} width", *widths),
    }
    if trial.suggest_categorical("optimizer.kind", ["adam", "natural_gradient"]) == "adam":
        rate = trial.suggest_float("adam learning rate", 1e-3, 5e-2, log=True)
        optimizer: dict[str, Any] = {"kind": "adam", "learning_rate": rate, "decay": 200, "max_norm": 1.0}
    else:
        rate = trial.suggest_float("natural gradient learning rate", 0.03, 1.0, log=True)
        damping = trial.suggest_float("damping", 1e-3, 1e-1, log=True)
        region = {"max_norm": 1.0, "damping": damping}
        optimizer = {"kind": "natural_gradient", "learning_rate": rate, "classical": region}
    return SMALL.vary(network=part, optimizer=optimizer)


ising_network = Study(
    name="ising_network",
    experiment=network,
    search=TPE(startup_trials=6),
    n_trials=24,
    objectives=("free_energy", "seconds_per_step"),
    pruning=Pruning(every=20, warmup_steps=120, startup_trials=2),
)

if __name__ == "__main__":
    ising_network.main()
