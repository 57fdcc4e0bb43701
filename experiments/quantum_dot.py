r"""Quantum dot at finite temperature: electrons of both spins in a 2D harmonic trap.

Six polarised electrons at Z = 0.5, beta = 2, for which permutation-blocking path integrals and the Fermi flow
of Xie, Zhang & Wang, arXiv 2105.08644, are published. Reported per electron, in hbar omega; `total_...` are
of the whole dot. Two electrons and free ones (--z 0) are compared with exact values.

    python -m experiments.quantum_dot                                      # minutes
    python -m experiments.quantum_dot --n_up 2 --z 2 --beta 2              # two electrons: exact F, E and S
    python -m experiments.quantum_dot --n_up 3 --z 8 --beta 10 --occupation.kind levels \
        --base_states.kind configuration_interaction                       # a Wigner molecule
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import (
    ContinuousFlow,
    NaturalGradient,
    PairVelocity,
    QuantumDot,
    Trainer,
    Transformer,
    TrustRegion,
)

quantum_dot = Experiment(
    name="quantum_dot",
    system=QuantumDot(
        n_up=6,
        z=0.5,
        beta=2.0,
        occupation=Transformer(layers=1, width=16, heads=4, hidden=32),
        flow=ContinuousFlow(velocity=PairVelocity(width=24), steps=4),
        walkers_per_state=2,
    ),
    # delta is a step of imaginary time: 0.1 is well below the inverse of the energies that the flow stirs;
    # of p it is a share of what is missing, of which a batch shows little noise;
    # the damping is that of a batch hardly larger than the number of parameters: less makes the flow wild
    optimizer=NaturalGradient(
        learning_rate=0.1,
        decay=60,
        classical=TrustRegion(rate=3.0, max_norm=1.0),
        quantum=TrustRegion(max_norm=0.05, damping=0.03),
    ),
    trainer=Trainer(max_steps=80, average=0.1, evaluation_batches=60),
    batch_size=256,
)

if __name__ == "__main__":
    quantum_dot.main()
