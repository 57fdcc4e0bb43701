"""A spin glass on a square lattice, against the transfer matrix.

8 x 8 periodic spins with couplings +-J at beta J = 1, by annealing. The ground states are many, and the
infinite lattice has no transition above zero temperature. Exact: periodic up to L = 10, open up to L = 20.

    python -m experiments.edwards_anderson                                   # the run
    python -m experiments.edwards_anderson --beta 2 --disorder_seed 3        # colder, other couplings
    python -m experiments.edwards_anderson --disorder gaussian --h 0.3 --symmetrize false
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import MADE, Adam, EdwardsAnderson, LinearAnnealing, Trainer

edwards_anderson = Experiment(
    name="edwards_anderson",
    system=EdwardsAnderson(
        L=8,
        beta=1.0,
        network=MADE(depth=2, width=8),
        annealing=LinearAnnealing(start=0.0, steps=600),
    ),
    optimizer=Adam(learning_rate=1e-2, decay=300, max_norm=1.0),
    trainer=Trainer(max_steps=1000, evaluation_batches=20),
    batch_size=500,
)

if __name__ == "__main__":
    edwards_anderson.main()
