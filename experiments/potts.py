"""Potts' model of three colours at its critical point, against the transfer matrix.

6 x 6 periodic colours at beta J = ln(1 + sqrt 3), where the infinite lattice orders: Wu, Rev. Mod. Phys. 54,
235 (1982). The network is averaged over the shifts of all colours, so that it need only know one of the three
ordered phases. Exact: q = 2 up to L = 10, q = 3 up to L = 7, q = 4 up to L = 5; open boundaries twice that.

    python -m experiments.potts                              # the run
    python -m experiments.potts --beta 0.5                   # hot
    python -m experiments.potts --q 5 --L 8 --periodic false --beta 1.174
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import MADE, Adam, LinearAnnealing, Potts, Trainer

potts = Experiment(
    name="potts",
    system=Potts(
        L=6,
        q=3,
        beta=1.0050525,
        network=MADE(depth=2, width=8),
        annealing=LinearAnnealing(start=0.0, steps=300),
    ),
    optimizer=Adam(learning_rate=1e-2, decay=300, max_norm=1.0),
    trainer=Trainer(max_steps=600, evaluation_batches=50),
    batch_size=500,
)

if __name__ == "__main__":
    potts.main()
