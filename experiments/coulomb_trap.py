r"""Classical charges in a harmonic trap: their free energy, their shells, and a check by the virial.

Six charges in a plane at beta = 10, H = sum x^2 + sum 1/r. All numbers are of the whole trap. Two charges
are compared with exact values. An unbiased reweighting of the samples has the names
`importance_free_energy` and `reweighted_...`; `virial_residual` vanishes in equilibrium.

    python -m experiments.coulomb_trap                                 # minutes
    python -m experiments.coulomb_trap --n 2 --beta 1                  # exact F, E and S
    python -m experiments.coulomb_trap --dim 3
    python -m experiments.coulomb_trap --n 20 --batch_size 128 --flow.velocity.width 32 \
        --optimizer.learning_rate 1e-2 --optimizer.hold 160 --optimizer.decay 10 \
        --trainer.max_steps 450                                        # the shells 1, 7 and 12; ten minutes
    python -m experiments.coulomb_trap --n 20 --batch_size 128 --flow.velocity.width 32 \
        --optimizer.learning_rate 1e-2 --optimizer.hold 80 --optimizer.decay 10 --trainer.max_steps 160 \
        --evaluation.kind smc --evaluation.populations 16 --evaluation.walkers 32    # exact F; ten minutes
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, CoulombTrap, EquivariantFlow, PairVelocity, Trainer

coulomb_trap = Experiment(
    name="coulomb_trap",
    system=CoulombTrap(n=6, dim=2, beta=10.0, flow=EquivariantFlow(velocity=PairVelocity(width=48), steps=8)),
    optimizer=Adam(learning_rate=5e-3, decay=200, max_norm=10.0),
    trainer=Trainer(max_steps=500, evaluation_batches=80),
    batch_size=256,
)

if __name__ == "__main__":
    coulomb_trap.main()
