"""The 3D gas of Brown et al.: 33 polarised electrons at r_s = 10, theta = 0.0625.

Restricted path integrals give E = -0.104151(127), K = 0.039768(109), V = -0.145242(18) Ry an
electron (raw, without finite-size correction; not variational, with nodal bias): Brown, Clark,
DuBois & Ceperley, PRL 110, 146405 (2013).

    python -m experiments.heg3d_brown                          # most of an hour on one core
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import (
    ElectronGas,
    NaturalGradient,
    Quasiparticle,
    Trainer,
    TrustRegion,
    TwoStream,
)

heg3d_brown = Experiment(
    name="heg3d_brown",
    system=ElectronGas(
        n=33,
        dim=3,
        rs=10.0,
        theta=0.0625,
        cutoff=9,  # 123 orbitals
        occupation=Quasiparticle(),
        flow=TwoStream(depth=2, width=16, pair_width=16),
    ),
    optimizer=NaturalGradient(
        decay=100,
        classical=TrustRegion(max_norm=4e-3, momentum=0.9),
        quantum=TrustRegion(max_norm=1e-2, momentum=0.9, damping=3e-3),
    ),
    trainer=Trainer(max_steps=300),
    batch_size=128,
    tags={"paper": "10.1103/PhysRevLett.110.146405"},
)

if __name__ == "__main__":
    heg3d_brown.main()
