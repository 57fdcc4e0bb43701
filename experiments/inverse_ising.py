"""Inverse Ising: the couplings of a spin glass from the correlations of its spins.

20 spins at beta = 1, where the expansions in small correlations fail. The couplings and a network that
follows their Gibbs state are learned together; the results hold the errors of naive mean field, of
independent pairs and of Sessak & Monasson beside it. Wu, Wang & Zhang, PRL 122, 080602 (2019), figure 4 b.

    python -m experiments.inverse_ising                        # the run
    python -m experiments.inverse_ising --beta 0.3
    python -m experiments.inverse_ising --data_samples 100000  # measured correlations, with their noise
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import MADE, Adam, InverseIsing, Trainer

inverse_ising = Experiment(
    name="inverse_ising",
    system=InverseIsing(n=20, beta=1.0, network=MADE(depth=1, bias=False)),
    optimizer=Adam(learning_rate=2e-2, decay=200),
    trainer=Trainer(max_steps=2000, evaluation_batches=20),
    batch_size=500,
)

if __name__ == "__main__":
    inverse_ising.main()
