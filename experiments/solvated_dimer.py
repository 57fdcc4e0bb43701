"""A dimer among 36 repulsive particles: the free energy of opening it, by maps that carry the fluid along.

From closed to open in stages; in each one map is learned from chains of both of its ends, one spline flow
that moves every particle of the fluid alone. F bounds the difference from above, `bennett_difference` is the
answer, from the works of both directions. `python -m benchmarks.references dimer` finds the same by
umbrella sampling. A flow from a normal density does not reach this fluid: `experiments.dimer --solvent 36`.

    python -m experiments.solvated_dimer                               # two minutes
    python -m experiments.solvated_dimer --stages 1                    # one map alone
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, OneBodyFlow, Samples, SolvatedDimer, Trainer

solvated_dimer = Experiment(
    name="solvated_dimer",
    system=SolvatedDimer(
        stages=4,
        flow=OneBodyFlow(layers=4, width=16, bins=8),
        samples=Samples(chains=160, trajectories=100, kept=96, stride=5),
        energy_cap=100.0,
    ),
    optimizer=Adam(learning_rate=1e-2, decay=100, max_norm=20.0),
    trainer=Trainer(max_steps=100, evaluation_batches=20),
    batch_size=64,
)

if __name__ == "__main__":
    solvated_dimer.main()
