r"""Dense hydrogen: four atoms at r_s = 2 and 10000 K, protons and electrons on flows of their own.

F, E and S are per atom, S beyond independent protons; `..._with_motion` have what the motion of the nuclei
adds, as published numbers do. Sixteen atoms, as in Xie, Li, Wang, Zhang & Wang, PRL 131, 126501 (2023), take
an hour on a core.

    python -m experiments.hydrogen                                      # minutes on one core
    python -m experiments.hydrogen --mass 3697.9 --kelvin 8000          # deuterium
    python -m experiments.hydrogen --n 16 --rs 1.25 --kelvin 6000 --orbitals.exponents '[2.4, 0.6, 0.25]' \
        --batch_size 128 --mean_field_steps 120 --optimizer.hold 150 --optimizer.decay 60 \
        --optimizer.classical.max_norm 2e-3 --trainer.max_steps 300 --trainer.evaluation_batches 40
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import (
    DenseHydrogen,
    ElectronFlow,
    GaussianOrbitals,
    NaturalGradient,
    Trainer,
    TrustRegion,
)
from vfe_lightning.declarations.plasma import PairLayers

hydrogen = Experiment(
    name="hydrogen",
    system=DenseHydrogen(
        n=4,
        rs=2.0,
        kelvin=10_000.0,
        orbitals=GaussianOrbitals(pairing=1.0),
        flow=ElectronFlow(width=8, steps=3, three_body=2),
        protons=PairLayers(messages=0),
    ),
    optimizer=NaturalGradient(
        hold=60,
        decay=40,
        # longer steps follow the noise of the electrons until the flow of the protons folds
        classical=TrustRegion(max_norm=1e-3, momentum=0.8, damping=0.1),
        quantum=TrustRegion(max_norm=1e-3, momentum=0.8, damping=1e-2),
    ),
    trainer=Trainer(max_steps=140, average=0.1, evaluation_batches=60),
    batch_size=256,
)

if __name__ == "__main__":
    hydrogen.main()
