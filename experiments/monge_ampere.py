"""Monge-Ampere flow of the critical 2D Ising model: Zhang, E & Wang, arXiv 1809.10188.

The same field as in `neural_rg`, carried along the slopes of potentials of neighbouring sites, which learn
faster than those of the whole lattice.

    python -m experiments.monge_ampere                          # two minutes
    python -m experiments.monge_ampere --L 16 --trainer.max_steps 300
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, IsingDual, MongeAmpere, Trainer

monge_ampere = Experiment(
    name="monge_ampere",
    system=IsingDual(L=8, symmetrize=True, flow=MongeAmpere(potentials=6, width=8, reach=1)),
    optimizer=Adam(learning_rate=2e-2, decay=300, max_norm=20.0),
    trainer=Trainer(max_steps=800, average=0.2, evaluation_batches=100),
    batch_size=64,
)

if __name__ == "__main__":
    monge_ampere.main()
