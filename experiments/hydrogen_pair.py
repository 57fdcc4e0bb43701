"""Two hydrogen atoms at r_s = 2 and 10000 K: the smallest system whose protons and electrons are trained.

All states of its electrons in a basis of Gaussians, averaged over the distance of the protons by quadrature,
are a landmark. Numbers are per atom, `total_...` are of both.

    python -m experiments.hydrogen_pair                           # minutes on one core
    python -m experiments.hydrogen_pair --kelvin 5000
    python -m experiments.hydrogen_pair --trainer.max_steps 40    # protons on the mean field alone
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
from vfe_lightning.declarations.plasma import IndependentStart, PairLayers

hydrogen_pair = Experiment(
    name="hydrogen_pair",
    system=DenseHydrogen(
        n=2,
        rs=2.0,
        kelvin=10_000.0,
        mean_field_steps=40,
        orbitals=GaussianOrbitals(exponents=(5.0, 1.5, 0.5, 0.2), pairing=1.0),
        flow=ElectronFlow(width=12, steps=4, three_body=2),
        protons=PairLayers(layers=8, messages=0, start=IndependentStart()),
    ),
    optimizer=NaturalGradient(
        decay=40,
        classical=TrustRegion(max_norm=3e-3, momentum=0.8, damping=0.1),
        quantum=TrustRegion(max_norm=1e-3, momentum=0.8, damping=1e-2),
    ),
    trainer=Trainer(max_steps=140, average=0.1, evaluation_batches=60),
    batch_size=512,
)

if __name__ == "__main__":
    hydrogen_pair.main()
