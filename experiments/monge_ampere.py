"""Monge-Ampere flow of the critical 2D Ising model: Zhang, E & Wang, arXiv 1809.10188.

The same field as in `neural_rg`, carried along the slopes of convolutional potentials.

    python -m experiments.monge_ampere                          # three minutes
    python -m experiments.monge_ampere --L 16 --trainer.max_steps 3000
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, IsingDual, MongeAmpere, Trainer

monge_ampere = Experiment(
    name="monge_ampere",
    system=IsingDual(L=8, symmetrize=True, flow=MongeAmpere(potentials=4, width=16, reach=3)),
    optimizer=Adam(learning_rate=1e-2, decay=200, max_norm=20.0),
    trainer=Trainer(max_steps=300, evaluation_batches=50),
    batch_size=64,
)

if __name__ == "__main__":
    monge_ampere.main()
