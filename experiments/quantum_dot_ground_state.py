"""Ground state of a quantum dot: a few determinants in the coordinates of a continuous flow.

Three polarised electrons at Z = 2, for which configuration interaction gives 8.32045 hbar omega in all.
Reported per electron; `total_energy` is of the whole dot. Open shells: --occupation.angular_momentum M.

    python -m experiments.quantum_dot_ground_state                                 # minutes
    python -m experiments.quantum_dot_ground_state --n_up 1 --n_down 1 --z 1       # exact: 3 hbar omega
    python -m experiments.quantum_dot_ground_state --n_up 3 --n_down 3 --z 1       # diffusion MC: 20.1593
    python -m experiments.quantum_dot_ground_state --n_up 4 --z 8 --base_states.cutoff 4            # 27.820
    python -m experiments.quantum_dot_ground_state --base_states.kind determinants                  # just one
"""

import math

from vfe_lightning import Experiment
from vfe_lightning.declarations import (
    ContinuousFlow,
    LowestDeterminant,
    NaturalGradient,
    PairVelocity,
    QuantumDot,
    Trainer,
    TrapConfigurationInteraction,
    TrustRegion,
)

quantum_dot_ground_state = Experiment(
    name="quantum_dot_ground_state",
    system=QuantumDot(
        n_up=3,
        z=2.0,
        beta=math.inf,
        occupation=LowestDeterminant(),
        base_states=TrapConfigurationInteraction(cutoff=2),
        flow=ContinuousFlow(velocity=PairVelocity(width=24), steps=4),
    ),
    # delta is a step of imaginary time: 0.1 is well below the inverse of the energies that the flow stirs
    # the damping is that of a batch hardly larger than the number of parameters: less makes the flow wild
    optimizer=NaturalGradient(learning_rate=0.1, decay=60, quantum=TrustRegion(max_norm=0.05, damping=0.03)),
    trainer=Trainer(max_steps=80, average=0.1, evaluation_batches=100),
    batch_size=256,
)

if __name__ == "__main__":
    quantum_dot_ground_state.main()
