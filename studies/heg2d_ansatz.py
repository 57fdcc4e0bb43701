"""Which ansatz of the 2D electron gas is worth its time? F against seconds a step.

Architecture and trust regions of the flow and of the occupation model, on five electrons, so that
a trial takes seconds to a minute. Flags such as --n 13 --cutoff 25 make it a serious search.

    python -m studies.heg2d_ansatz --n-trials 12 --workers 2
"""

from typing import TYPE_CHECKING

from experiments.heg2d import heg2d
from vfe_lightning import Experiment, Study
from vfe_lightning.declarations import TPE, Pruning, Transformer

if TYPE_CHECKING:
    from optuna import Trial

SMALL = heg2d.vary(
    n=5,
    cutoff=9,
    batch_size=64,
    chunk_size=16,
    **{"trainer.max_steps": 80, "trainer.evaluation_batches": 40, "trainer.checkpoint_every": 20},
)


def ansatz(trial: "Trial") -> Experiment:
    kind = trial.suggest_categorical("occupation.kind", ["quasiparticle", "transformer"])
    layers = trial.suggest_int("occupation.layers", 1, 2) if kind == "transformer" else 1
    occupation = {"kind": kind} if kind == "quasiparticle" else Transformer(layers=layers).model_dump()
    width = trial.suggest_int("flow.width", 4, 24, step=4)
    return SMALL.vary(
        occupation=occupation,
        **{
            "flow.depth": trial.suggest_int("flow.depth", 1, 3),
            "flow.width": width,
            "flow.pair_width": width,
            "optimizer.classical.max_norm": trial.suggest_float(
                "optimizer.classical.max_norm", 1e-4, 1e-2, log=True
            ),
            "optimizer.quantum.max_norm": trial.suggest_float(
                "optimizer.quantum.max_norm", 1e-4, 1e-2, log=True
            ),
        },
    )


heg2d_ansatz = Study(
    name="heg2d_ansatz",
    experiment=ansatz,
    search=TPE(startup_trials=6),
    n_trials=24,
    objectives=("free_energy", "seconds_per_step"),
    pruning=Pruning(every=10, warmup_steps=20, startup_trials=2),
)

if __name__ == "__main__":
    heg2d_ansatz.main()
