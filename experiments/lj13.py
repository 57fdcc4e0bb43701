"""Thirteen Lennard-Jones atoms in a weak trap: an equivariant flow learns the icosahedron and its melting.

H = sum_{i<j} (r^-12 - 2 r^-6) + sum x^2 / 2 at beta = 4; the flow commutes with permutations and rotations,
and learns from chains of our own and from the energy. Numbers are of the whole cluster.

    python -m experiments.lj13                                         # minutes
    python -m experiments.lj13 --flow.velocity.kind message_passing
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import (
    Adam,
    EquivariantFlow,
    LennardJonesCluster,
    PairVelocity,
    Samples,
    Trainer,
)

lj13 = Experiment(
    name="lj13",
    system=LennardJonesCluster(
        beta=4.0,
        flow=EquivariantFlow(velocity=PairVelocity(width=32), steps=8),
        samples=Samples(chains=1000, trajectories=100),
        energy_weight=0.1,
    ),
    optimizer=Adam(learning_rate=3e-3, decay=200, max_norm=10.0),
    trainer=Trainer(max_steps=200, evaluation_batches=30),
    batch_size=64,
)

if __name__ == "__main__":
    lj13.main()
