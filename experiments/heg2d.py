"""Electron gas in two dimensions at finite temperature, polarised or of both spins: the system of m*.

N = 13 of one spin, r_s = 10, theta = 0.15, Baldereschi point, as in Xie, Zhang & Wang, SciPost Phys. 14,
154 (2023). The entropy against that of the ideal gas is the effective mass, m*/m = S/S_0.

    python -m experiments.heg2d                                # N = 13
    python -m experiments.heg2d --n 29 --rs 1                  # one of the published points
    python -m experiments.heg2d --n_up 5 --n_down 5 --rs 1     # both spins
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

heg2d = Experiment(
    name="heg2d",
    system=ElectronGas(
        n=13,
        dim=2,
        rs=10.0,
        theta=0.15,
        twist=0.25,
        occupation=Quasiparticle(),
        flow=TwoStream(depth=3, width=16, pair_width=16, momentum_dependent=True),
        walkers_per_state=2,
    ),
    optimizer=NaturalGradient(
        decay=100,
        classical=TrustRegion(max_norm=4e-3, momentum=0.9),
        quantum=TrustRegion(max_norm=1e-2, momentum=0.9, damping=3e-3),
    ),
    trainer=Trainer(max_steps=300),
    batch_size=256,
)

if __name__ == "__main__":
    heg2d.main()
