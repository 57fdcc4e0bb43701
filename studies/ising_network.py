"""Which network and which optimiser of 8 x 8 Ising spins is worth its time? F against seconds a step.

Every network with Adam and with the natural gradient, the same steps and samples for all: a table of the
excess over the exact F and of the time, and a Pareto front.

    python -m studies.ising_network --workers 2
    python -m studies.ising_network --name antiferromagnet --lattice triangular --J -1 --beta 1
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from experiments.ising import ising
from vfe_lightning import Experiment, Study
from vfe_lightning.declarations import Adam, Grid, NaturalGradient, TrustRegion
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from optuna import Trial

    from vfe_lightning.study.plan import Report

BUDGET = {"max_steps": 300, "evaluation_batches": 50}
SMALL = ising.vary(L=8, batch_size=200, trainer=BUDGET)
REGION = TrustRegion(max_norm=1.0, damping=1e-2)
NETWORKS: dict[str, dict[str, Any]] = {
    "hierarchical": {"kind": "hierarchical", "width": 16},
    "made": {"kind": "made", "width": 4},
    "pixel_cnn": {"kind": "pixel_cnn", "width": 16},
}
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "adam": Adam(learning_rate=1e-2, decay=200, max_norm=1.0).model_dump(),
    "natural_gradient": NaturalGradient(learning_rate=0.3, decay=200, classical=REGION).model_dump(),
}


def network(trial: "Trial") -> Experiment:
    name = trial.suggest_categorical("network.kind", list(NETWORKS))
    optimizer = trial.suggest_categorical("optimizer.kind", list(OPTIMIZERS))
    parts = {"network": NETWORKS[name], "optimizer": OPTIMIZERS[optimizer]}
    return SMALL.vary(**parts)


def compared(results: Sequence[Result]) -> "Report":
    from vfe_lightning.analysis.spin_scan import network_table

    return network_table(results), {}


ising_network = Study(
    name="ising_network",
    experiment=network,
    search=Grid(values={"network.kind": tuple(NETWORKS), "optimizer.kind": tuple(OPTIMIZERS)}),
    objectives=("free_energy", "seconds_per_step"),
    pruning=None,
    report=compared,
)

if __name__ == "__main__":
    ising_network.main()
