"""Two electrons averaged over twists against the exact average: the smallest gas without a shape of its box.

Each sample draws a twist of its own, so that F, E and S are averages over the canonical gases of all twists.
One flow serves them all, by cosines and sines of the total momentum; p(K) sees the momenta of the orbitals.

    python -m experiments.heg_twists                                     # N = 2 in 2D, minutes
    python -m experiments.heg_twists --twist monkhorst_pack              # of a grid of 4 x 4
    python -m experiments.heg_twists --n_up 7 --n_down 7 --dim 3 --rs 4  # a metal
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import (
    ElectronGas,
    NaturalGradient,
    Trainer,
    Transformer,
    TrustRegion,
    TwistAverage,
    TwoStream,
)

heg_twists = Experiment(
    name="heg_twists",
    system=ElectronGas(
        n=2,
        dim=2,
        rs=1.0,
        theta=0.5,
        twist=TwistAverage(),
        occupation=Transformer(layers=1, width=8, heads=2, hidden=16),
        flow=TwoStream(depth=2, width=16, pair_width=16, momentum_dependent=True),
        walkers_per_state=2,
    ),
    optimizer=NaturalGradient(
        learning_rate=0.04,
        decay=200,
        classical=TrustRegion(max_norm=1.0),
        quantum=TrustRegion(max_norm=0.1, damping=1e-4),
    ),
    trainer=Trainer(max_steps=160, evaluation_batches=100),
    batch_size=512,
)

if __name__ == "__main__":
    heg_twists.main()
