"""Two or three electrons against exact diagonalisation: the end-to-end test of the electron gas.

F, E and S of so few electrons are known exactly at any r_s, theta and twist. One flow for all K would
stop half a per cent above them; one that depends on the total momentum comes close. Where determinants of
one total momentum mix, at higher temperature or of both spins, let the flow transform their eigenstates.

    python -m experiments.heg_exact                            # N = 2 in 2D, two minutes
    python -m experiments.heg_exact --n 3 --dim 3 --rs 5 --theta 0.15
    python -m experiments.heg_exact --n 3 --theta 0.5 \\
        --base_states.kind configuration_interaction --occupation.kind levels
    python -m experiments.heg_exact --n_up 1 --n_down 1 --theta 0.5 \\
        --base_states.kind configuration_interaction --occupation.kind levels
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import (
    ElectronGas,
    NaturalGradient,
    Trainer,
    Transformer,
    TrustRegion,
    TwoStream,
)

heg_exact = Experiment(
    name="heg_exact",
    system=ElectronGas(
        n=2,
        dim=2,
        rs=5.0,
        theta=0.15,
        twist=0.25,
        occupation=Transformer(layers=1, width=8, heads=2, hidden=16),
        flow=TwoStream(depth=2, width=16, pair_width=16, momentum_dependent=True),
        walkers_per_state=2,
    ),
    # Small steps, since the energies of few electrons in a small box are large, in all directions of the
    # flow: the corrections that few electrons need are weak in the Fisher metric.
    optimizer=NaturalGradient(
        learning_rate=0.04,
        decay=200,
        classical=TrustRegion(max_norm=1.0),
        quantum=TrustRegion(max_norm=0.1, damping=1e-4),
    ),
    trainer=Trainer(max_steps=160, evaluation_batches=100),
    batch_size=512,
)

if __name__ == "__main__":
    heg_exact.main()
