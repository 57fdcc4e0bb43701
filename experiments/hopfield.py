"""Hopfield's associative memory: all modes of a spin model with stored patterns.

100 spins with two orthogonal patterns at beta = 1.5: two modes a pattern, of equal weight. beta rises
slowly from zero, so that no mode is lost. Wu, Wang & Zhang, PRL 122, 080602 (2019), figure 3.

    python -m experiments.hopfield                             # the run
    python -m experiments.hopfield --beta 0.3                  # above the transition
    python -m experiments.hopfield --n 128 --patterns 3 --beta 1.2
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import MADE, Adam, Hopfield, LinearAnnealing, Trainer

hopfield = Experiment(
    name="hopfield",
    system=Hopfield(
        n=100,
        patterns=2,
        beta=1.5,
        network=MADE(depth=1, bias=False),
        symmetrize=False,  # one layer without a bias is even in s anyway
        annealing=LinearAnnealing(start=0.0, steps=500),
    ),
    optimizer=Adam(learning_rate=1e-2, decay=300, max_norm=1.0),
    trainer=Trainer(max_steps=800, evaluation_batches=100),
    batch_size=500,
)

if __name__ == "__main__":
    hopfield.main()
