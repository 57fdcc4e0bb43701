"""Transverse-field Ising model on 3 x 3 sites: a quantum circuit and the weights of its states.

Against exact diagonalisation: F, E, S, the heat capacity and the spectrum. Method: Liu, Mao, Zhang & Wang,
Mach. Learn.: Sci. Technol. 2, 025011 (2021).

    python -m experiments.tfim                                     # the run
    python -m experiments.tfim --nx 2 --ny 3 --gamma 2 --beta 2    # another lattice, field and temperature
    python -m experiments.tfim --gates.kind general --depth 5      # the gates of the paper
    python -m experiments.tfim --network.kind made --optimizer.kind adam --optimizer.learning_rate 0.02
    python -m experiments.tfim --gates.kind hardware --depth 8     # rotations and controlled Z
    python -m experiments.tfim --periodic true --lattice triangular --J -1
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import (
    LBFGS,
    BlockGates,
    LinearAnnealing,
    PeierlsWeights,
    Trainer,
    TransverseIsing,
)

tfim = Experiment(
    name="tfim",
    system=TransverseIsing(
        nx=3,
        ny=3,
        gamma=1.0,
        beta=1.0,
        depth=10,
        gates=BlockGates(),
        network=PeierlsWeights(),
        annealing=LinearAnnealing(start=0.05, steps=500),
    ),
    optimizer=LBFGS(),
    trainer=Trainer(max_steps=1500, average=0, evaluation_batches=20),
    batch_size=500,
)

if __name__ == "__main__":
    tfim.main()
