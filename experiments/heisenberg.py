"""Heisenberg antiferromagnet on 2 x 3 sites: a quantum circuit and the weights of its states.

Against exact diagonalisation. Method: Liu, Mao, Zhang & Wang, Mach. Learn.: Sci. Technol. 2, 025011 (2021).

    python -m experiments.heisenberg                                       # the run
    python -m experiments.heisenberg --lattice kagome --nx 1 --ny 2 --gates.kind general
    python -m experiments.heisenberg --anisotropy 0 --field 0.5            # the XY model in a field
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import LBFGS, BlockGates, Heisenberg, LinearAnnealing, PeierlsWeights, Trainer

heisenberg = Experiment(
    name="heisenberg",
    system=Heisenberg(
        nx=2,
        ny=3,
        beta=2.0,
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
    heisenberg.main()
