"""Neural renormalisation group of the critical 2D Ising model: Li & Wang, PRL 121, 260601 (2018).

The flow acts on the continuous field that is dual to the spins. F is -ln Z of the field per site, known from
the exact Z of the spins; `structure_factor` and `ising_energy` are of the spins that are drawn from it.

    python -m experiments.neural_rg                             # three minutes
    python -m experiments.neural_rg --L 8
    python -m experiments.neural_rg --L 16 --beta 0.3
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, IsingDual, NeuralRG, Trainer

neural_rg = Experiment(
    name="neural_rg",
    system=IsingDual(L=4, symmetrize=True, flow=NeuralRG(couplings=4, width=16)),
    optimizer=Adam(learning_rate=1e-2, decay=300, max_norm=20.0),
    trainer=Trainer(max_steps=600, average=0.2, evaluation_batches=100),
    batch_size=128,
)

if __name__ == "__main__":
    neural_rg.main()
