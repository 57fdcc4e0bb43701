"""The log gas at beta = 1: eigenvalues of random matrices as a classical system, with exact free energies.

Six particles in the plane at coupling 2, Ginibre's ensemble, where ln Z, the density and the sum of
squares, n (n + 1) / 2, are exact; on a line the free energy is known for any coupling, by Mehta's integral.

    python -m experiments.log_gas                                      # minutes
    python -m experiments.log_gas --n 2 --coupling 5                   # any coupling of two particles
    python -m experiments.log_gas --dim 1 --coupling 1                 # the Gaussian orthogonal ensemble
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, EquivariantFlow, LogGas, PairVelocity, Trainer

log_gas = Experiment(
    name="log_gas",
    system=LogGas(n=6, dim=2, coupling=2.0, flow=EquivariantFlow(velocity=PairVelocity(width=32), steps=8)),
    optimizer=Adam(learning_rate=5e-3, decay=150, max_norm=10.0),
    trainer=Trainer(max_steps=400, evaluation_batches=80),
    batch_size=256,
)

if __name__ == "__main__":
    log_gas.main()
