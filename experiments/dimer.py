"""Boltzmann generator of a bistable dimer alone in a plane; experiments.solvated_dimer has it in a fluid.

`free_energy_difference` is that of the open dimer, r > 3/2, less that of the closed one, compared with its
exact value.

    python -m experiments.dimer                                        # a minute
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, CouplingFlow, Dimer, Samples, Trainer

dimer = Experiment(
    name="dimer",
    system=Dimer(flow=CouplingFlow(layers=8, width=64), samples=Samples(chains=4000)),
    optimizer=Adam(learning_rate=3e-3, decay=200, max_norm=10.0),
    trainer=Trainer(max_steps=500, evaluation_batches=800),
    batch_size=256,
)

if __name__ == "__main__":
    dimer.main()
