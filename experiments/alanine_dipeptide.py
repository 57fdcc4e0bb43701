"""Boltzmann generator of alanine dipeptide in vacuum: a real force field, and the Ramachandran plot.

A flow of bonds, angles and torsions learns from molecular dynamics and from the energy; both by OpenMM, which
is optional: pip install 'vfe-lightning[openmm]'. At 600 K dynamics mix in several nanoseconds. The figure
`ramachandran` compares the flow with the dynamics; `free_energy_difference` is that of phi > 0 less that of
phi < 0.

    python -m experiments.alanine_dipeptide                            # minutes
    python -m experiments.alanine_dipeptide --temperature 450 --dynamics.samples 40000
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, AlanineDipeptide, Trainer

alanine_dipeptide = Experiment(
    name="alanine_dipeptide",
    system=AlanineDipeptide(),
    optimizer=Adam(learning_rate=2e-3, decay=300, max_norm=10.0),
    trainer=Trainer(max_steps=600, evaluation_batches=30),
    batch_size=256,
)

if __name__ == "__main__":
    alanine_dipeptide.main()
