"""Sodium as a metal: the unpolarised electron gas in three dimensions at r_s = 4.

Seven electrons of each spin, a closed shell, at theta = T/T_F = 0.125: 4500 K. The correlation energy of the
infinite gas in its ground state is -0.0641 Ry an electron (Ceperley & Alder, PRL 45, 566 (1980), as fitted by
Perdew & Zunger, PRB 23, 5048 (1981)).

    python -m experiments.heg3d_metal                                     # minutes on one core
    python -m experiments.heg3d_metal --theta 0 --occupation.kind fermi_sea
    python -m experiments.heg3d_metal --n_up 33 --n_down 33 --trainer.max_steps 1000
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

heg3d_metal = Experiment(
    name="heg3d_metal",
    system=ElectronGas(
        n_up=7,
        n_down=7,
        dim=3,
        rs=4.0,
        theta=0.125,
        occupation=Quasiparticle(),
        # or noise moves one spin against the other, until the flow folds
        flow=TwoStream(depth=2, width=16, pair_width=16, centred=True),
    ),
    optimizer=NaturalGradient(
        decay=60,
        classical=TrustRegion(max_norm=4e-3, momentum=0.9),
        quantum=TrustRegion(max_norm=1e-2, momentum=0.9, damping=3e-3),
    ),
    trainer=Trainer(max_steps=100, evaluation_batches=20),
    batch_size=128,
)

if __name__ == "__main__":
    heg3d_metal.main()
