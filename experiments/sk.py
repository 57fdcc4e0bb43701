"""Sherrington-Kirkpatrick spin glass against all its 2^20 configurations, mean field and Bethe.

20 spins with Gaussian couplings at beta = 2, where belief propagation has long lost its fixed point.
Wu, Wang & Zhang, PRL 122, 080602 (2019), figure 4 a.

    python -m experiments.sk                                   # the run
    python -m experiments.sk --beta 5 --disorder_seed 3        # colder, other couplings
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import MADE, Adam, LinearAnnealing, SherringtonKirkpatrick, Trainer

sk = Experiment(
    name="sk",
    system=SherringtonKirkpatrick(
        n=20,
        beta=2.0,
        network=MADE(depth=2, width=8),
        annealing=LinearAnnealing(start=0.0, steps=600),
    ),
    optimizer=Adam(learning_rate=1e-2, decay=300, max_norm=1.0),
    trainer=Trainer(max_steps=1000, evaluation_batches=20),
    batch_size=500,
)

if __name__ == "__main__":
    sk.main()
