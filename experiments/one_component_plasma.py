r"""The one-component plasma: classical ions in a neutralising background, F beyond the ideal gas.

Sixteen ions at Gamma = 5, on layers that carry positions of free fermions, each with its exact determinant.
All numbers are of one ion in kT; S is relative to independent ions, and never positive. Two ions are compared
with exact values. `importance_free_energy` and `reweighted_...` are those of the Gibbs state.

    python -m experiments.one_component_plasma                         # minutes
    python -m experiments.one_component_plasma --n 2 --gamma 20        # exact F, E and S
    python -m experiments.one_component_plasma --gamma 20 --trainer.max_steps 600    # half an hour
    python -m experiments.one_component_plasma --gamma 1 --flow.start.theta 0.5      # hot ions, hot fermions
    python -m experiments.one_component_plasma --flow.start.kind independent --flow.messages 0
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, OneComponentPlasma, Trainer

one_component_plasma = Experiment(
    name="one_component_plasma",
    system=OneComponentPlasma(n=16, gamma=5.0),
    optimizer=Adam(learning_rate=0.02, hold=100, decay=30, max_norm=50.0),
    trainer=Trainer(max_steps=250, evaluation_batches=80),
    batch_size=64,
)

if __name__ == "__main__":
    one_component_plasma.main()
