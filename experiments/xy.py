"""Planar spins at the Kosterlitz-Thouless transition, against the transfer matrix of their dual.

4 x 4 spins at beta J = 1.12, where the infinite lattice loses its stiffness, on a flow that draws spins from
coarse to fine and turns with them; before training it is harmonic, which is right for cold spins. Exact:
L = 2 and 3 when not too cold, L = 4 up to beta J of about 2. `helicity_modulus` is the stiffness against a
twist; what is `reweighted` is exact in the limit of many samples.

    python -m experiments.xy                                 # the run
    python -m experiments.xy --beta 0.5                      # hot: vortices
    python -m experiments.xy --L 8                           # no exact value, but bounds from both sides
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import XY, Adam, PathOnly, Trainer

xy = Experiment(
    name="xy",
    system=XY(L=4, beta=1.12, gradient=PathOnly()),
    optimizer=Adam(learning_rate=1e-3, decay=300, max_norm=20.0),
    trainer=Trainer(max_steps=500, average=0.2, evaluation_batches=100),
    batch_size=128,
)

if __name__ == "__main__":
    xy.main()
