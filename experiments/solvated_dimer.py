"""Boltzmann generator of a dimer among 36 repulsive particles: a dense fluid, and what a flow makes of it.

The particles are told apart by sites. The flow learns mostly from chains in both states; its samples have
particles that come too close, so that weights alone say little: `bennett_difference` holds paths of annealed
importance sampling from the flow against paths from the chains. `python -m benchmarks.references dimer` finds
the same difference by umbrella sampling.

    python -m experiments.solvated_dimer                               # minutes
    python -m experiments.solvated_dimer --annealing 200               # a smaller error
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, CouplingFlow, Dimer, Samples, Trainer

solvated_dimer = Experiment(
    name="solvated_dimer",
    system=Dimer(
        solvent=36,
        flow=CouplingFlow(layers=8, width=128),
        samples=Samples(chains=320, trajectories=200, kept=32),
        energy_weight=0.05,
        energy_cap=200.0,
        annealing=60,
    ),
    optimizer=Adam(learning_rate=1e-3, decay=400, max_norm=20.0),
    trainer=Trainer(max_steps=900, evaluation_batches=10),
    batch_size=256,
)

if __name__ == "__main__":
    solvated_dimer.main()
