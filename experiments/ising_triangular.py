r"""Frustrated antiferromagnet on the triangular lattice: a residual entropy at low temperature.

8 x 8 periodic spins at beta = 1. The entropy per site of the infinite lattice at T = 0 is 0.3231
(Wannier, Phys. Rev. 79, 357 (1950)); a finite lattice differs by whether 3 divides L, so that the
reference is that of the finite one.

    python -m experiments.ising_triangular                     # the run
    python -m experiments.ising_triangular --beta 5 --network.width 48 --trainer.max_steps 2800 \
        --annealing.steps 2200 --optimizer.learning_rate 5e-3 --optimizer.decay 1000   # near ground states
    python -m experiments.ising_triangular --J 1               # the ferromagnet
    python -m experiments.ising_triangular --L 12 --network.kind made
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, Hierarchical, Ising, LinearAnnealing, Trainer

ising_triangular = Experiment(
    name="ising_triangular",
    system=Ising(
        L=8,
        beta=1.0,
        J=-1.0,
        lattice="triangular",
        network=Hierarchical(depth=3, width=16),
        annealing=LinearAnnealing(start=0.0, steps=400),
    ),
    optimizer=Adam(learning_rate=1e-2, decay=300, max_norm=1.0),
    trainer=Trainer(max_steps=1000, evaluation_batches=40),
    batch_size=500,
)

if __name__ == "__main__":
    ising_triangular.main()
