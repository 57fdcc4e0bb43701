"""A hydrogen molecule in a cube of 12 Bohr: the ground state of its electrons, by variational Monte Carlo.

Of a molecule alone the exact energy is -1.17447 Ha, Kolos & Wolniewicz, J. Chem. Phys. 49, 404 (1968); the
images of its charges lower it by some 6 mHa here. Reported per atom; `total_energy` is of the whole cube.

    python -m experiments.hydrogen_molecule                                        # a minute on one core
    python -m experiments.hydrogen_molecule --protons '[[0, 0, 0], [2, 0, 0]]'     # stretched
    python -m experiments.hydrogen_molecule --protons '[[0, 0, 0]]'                # an atom: -0.5 alone
    python -m experiments.hydrogen_molecule --length 5.11776 \
        --protons '[[0, 0, 0], [1.4, 0, 0], [2.56, 2.56, 2.56], [2.56, 3.96, 2.56]]'  # a fluid at r_s = 2
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import GaussianOrbitals, HydrogenAtRest, NaturalGradient, Trainer, TrustRegion

hydrogen_molecule = Experiment(
    name="hydrogen_molecule",
    system=HydrogenAtRest(
        protons=((5.3, 6.0, 6.0), (6.7, 6.0, 6.0)),
        length=12.0,
        orbitals=GaussianOrbitals(exponents=(2.4, 0.6, 0.2)),
    ),
    optimizer=NaturalGradient(decay=30, quantum=TrustRegion(max_norm=4e-3, momentum=0.5, damping=1e-3)),
    trainer=Trainer(max_steps=100, evaluation_batches=60),
    batch_size=256,
)

if __name__ == "__main__":
    hydrogen_molecule.main()
