"""Electron gas in three dimensions at finite temperature, polarised or of both spins.

Seven polarised electrons at r_s = 5 and theta = 0.25: strongly interacting, with an entropy of its own.
Two minutes on a laptop reach a free energy far below Hartree-Fock. Method: Xie, Zhang & Wang,
SciPost Phys. 14, 154 (2023), whose gas is two-dimensional.

    python -m experiments.heg3d                                # the run
    python -m experiments.heg3d --rs 2 --theta 0.3             # another state point
    python -m experiments.heg3d --n 14 --trainer.max_steps 600
    python -m experiments.heg3d --n_up 7 --n_down 7            # both spins
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import (
    ElectronGas,
    NaturalGradient,
    Trainer,
    Transformer,
    TrustRegion,
    TwoStream,
)

heg3d = Experiment(
    name="heg3d",
    system=ElectronGas(
        n=7,
        dim=3,
        rs=5.0,
        theta=0.25,
        occupation=Transformer(layers=1),
        flow=TwoStream(depth=2, width=16, pair_width=16),
    ),
    optimizer=NaturalGradient(
        decay=100,
        classical=TrustRegion(max_norm=1e-3),
        quantum=TrustRegion(max_norm=1e-3, momentum=0.9),  # longer steps raise F where the gas is hot
    ),
    trainer=Trainer(max_steps=120, evaluation_batches=20),
    batch_size=128,
)

if __name__ == "__main__":
    heg3d.main()
