"""Thirteen Lennard-Jones atoms in a weak trap: an equivariant flow of a dense gas.

H = sum_{i<j} (r^-12 - 2 r^-6) + sum x^2 / 2. The flow commutes with permutations and rotations; it learns
from chains of our own: atoms of an untrained flow overlap, and the energy would only drive them apart.
`bennett_free_energy` holds its samples against the chains; `python -m benchmarks.references lj13 1.0` finds F
from the cold icosahedron. The atoms freeze near beta = 4, where minutes are too few: a warning says so.

    python -m experiments.lj13                                         # a minute
    python -m experiments.lj13 --beta 4                                # about where the icosahedron melts
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
        beta=1.0,
        flow=EquivariantFlow(velocity=PairVelocity(width=16), steps=4),
        samples=Samples(chains=1000, trajectories=100),
        energy_weight=0.0,
    ),
    optimizer=Adam(learning_rate=3e-3, decay=200, max_norm=10.0),
    trainer=Trainer(max_steps=200, evaluation_batches=30),
    batch_size=64,
)

if __name__ == "__main__":
    lj13.main()
