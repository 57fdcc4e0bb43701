r"""Boltzmann generator of a bistable dimer alone in a plane; experiments.solvated_dimer has it in a fluid.

`free_energy_difference` is that of the open dimer, r > 3/2, less that of the closed one, compared with its
exact value. In a fluid its particles overlap and none of the data are covered: annealing has to help.

    python -m experiments.dimer                                        # a minute
    python -m experiments.dimer --solvent 36 --annealing 60 --flow.width 128 --energy_weight 0.05 \
        --energy_cap 200 --samples.chains 320 --samples.trajectories 200 --samples.kept 32 \
        --optimizer.learning_rate 1e-3 --optimizer.decay 400 --optimizer.max_norm 20 \
        --trainer.max_steps 900 --trainer.evaluation_batches 10        # four minutes
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
