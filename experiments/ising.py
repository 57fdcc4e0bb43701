"""Ising model on the square lattice near its critical point, against Onsager and Kaufman.

16 x 16 periodic spins at beta = 0.44. A PixelCNN with cached sampling comes below the Bethe
approximation in three minutes. Method: Wu, Wang & Zhang, PRL 122, 080602 (2019).

    python -m experiments.ising                                # the run
    python -m experiments.ising --L 8 --beta 0.6 --J -1        # another lattice, an antiferromagnet
    python -m experiments.ising --periodic false               # open boundaries
    python -m experiments.ising --network.kind made            # another network
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, Ising, LinearAnnealing, PixelCNN, Trainer

ising = Experiment(
    name="ising",
    system=Ising(L=16, beta=0.44, network=PixelCNN(), annealing=LinearAnnealing(start=0.3, steps=200)),
    optimizer=Adam(learning_rate=5e-3, decay=200, max_norm=1.0),
    trainer=Trainer(max_steps=600, evaluation_batches=50),
    batch_size=100,
)

if __name__ == "__main__":
    ising.main()
