"""Ising model on the square lattice near its critical point, against Onsager and Kaufman.

16 x 16 periodic spins at beta = 0.44. A hierarchical network comes within 2e-4 of the exact free energy in
half a minute. Bialas, Korcyl & Stebel, Comput. Phys. Commun. 281, 108502 (2022); Wu, Wang & Zhang, PRL 122,
080602 (2019).

    python -m experiments.ising                                         # the run
    python -m experiments.ising --L 8 --beta 0.6 --J -1                 # another lattice, an antiferromagnet
    python -m experiments.ising --L 12 --network.kind made              # L that is no power of two
    python -m experiments.ising --periodic false --network.kind pixel_cnn
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, Hierarchical, Ising, LinearAnnealing, Trainer

ising = Experiment(
    name="ising",
    system=Ising(L=16, beta=0.44, network=Hierarchical(), annealing=LinearAnnealing(start=0.5, steps=100)),
    optimizer=Adam(learning_rate=2e-2, decay=200, max_norm=1.0),
    trainer=Trainer(max_steps=600, evaluation_batches=50),
    batch_size=500,
)

if __name__ == "__main__":
    ising.main()
