"""A hydrogen molecule in a cube of 12 Bohr: the ground state of its electrons, by variational Monte Carlo.

Alone it has -1.17447 Ha, Kolos & Wolniewicz, J. Chem. Phys. 49, 404 (1968); the images of its charges lower
that by some 6 mHa. Numbers are per atom, `total_energy` is of the whole cube.

    python -m experiments.hydrogen_molecule                                        # minutes on one core
    python -m experiments.hydrogen_molecule --protons '[[5, 6, 6], [7, 6, 6]]'     # stretched
    python -m experiments.hydrogen_molecule --protons '[[6, 6, 6]]'                # an atom
    python -m experiments.hydrogen_molecule --orbitals.pairing 0 --flow.three_body 0    # quicker, and higher
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import (
    ElectronFlow,
    GaussianOrbitals,
    HydrogenAtRest,
    NaturalGradient,
    Trainer,
    TrustRegion,
)

hydrogen_molecule = Experiment(
    name="hydrogen_molecule",
    system=HydrogenAtRest(
        protons=((5.3, 6.0, 6.0), (6.7, 6.0, 6.0)),
        length=12.0,
        orbitals=GaussianOrbitals(exponents=(1.5, 0.5, 0.2, 0.08), pairing=1.0),
        flow=ElectronFlow(width=12, steps=4, three_body=2),
    ),
    # more damping or shorter steps are slower, and with less the forces wander where nothing holds them
    optimizer=NaturalGradient(decay=30, quantum=TrustRegion(max_norm=2e-3, momentum=0.8, damping=1e-2)),
    trainer=Trainer(max_steps=100, average=0.1, evaluation_batches=60),
    batch_size=256,
)

if __name__ == "__main__":
    hydrogen_molecule.main()
