"""Ground state of the 2D gas: the limit T = 0, one determinant, plain variational Monte Carlo.

37 polarised electrons, a closed shell, at r_s = 5. Hartree-Fock gives -0.263827 Ry an electron;
the infinite system has -0.287479 (Attaccalite et al., PRL 88, 256601 (2002), a fit to diffusion
Monte Carlo).

    python -m experiments.heg2d_ground_state                   # half an hour on one core
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import ElectronGas, FermiSea, NaturalGradient, Trainer, TrustRegion, TwoStream

heg2d_ground_state = Experiment(
    name="heg2d_ground_state",
    system=ElectronGas(
        n=37,
        dim=2,
        rs=5.0,
        theta=0.0,
        cutoff=10,  # 37 orbitals, a closed shell: all are occupied
        occupation=FermiSea(),
        flow=TwoStream(depth=3, width=16, pair_width=16),
    ),
    optimizer=NaturalGradient(decay=100, quantum=TrustRegion(max_norm=1e-2, momentum=0.9, damping=3e-3)),
    trainer=Trainer(max_steps=200),
    batch_size=128,
)

if __name__ == "__main__":
    heg2d_ground_state.main()
