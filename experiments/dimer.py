"""Boltzmann generator of a bistable dimer, alone in a plane or among repulsive particles in a box.

`free_energy_difference` is that of the open dimer, r > 3/2, less that of the closed one; alone it is compared
with its exact value.

    python -m experiments.dimer                                        # a minute
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, CouplingFlow, Dimer, Trainer

dimer = Experiment(
    name="dimer",
    system=Dimer(flow=CouplingFlow(layers=8, width=64)),
    optimizer=Adam(learning_rate=3e-3, decay=200, max_norm=10.0),
    trainer=Trainer(max_steps=800, evaluation_batches=400),
    batch_size=512,
)

if __name__ == "__main__":
    dimer.main()
