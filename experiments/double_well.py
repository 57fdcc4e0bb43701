"""Boltzmann generator of a double well in a plane: the free energy of a mode that is hard to find.

U = x^4 / 4 - 3 x^2 + x + y^2 / 2 of Noe, Olsson, Koehler & Wu, Science 365, eaaw1147 (2019). The flow learns
from the energy and from chains in both wells, whose weights it does not trust: `free_energy_difference` is
that of the right well less that of the left one, reweighted. Trained on the energy alone it loses the right
well, and says so.

    python -m experiments.double_well                                  # a minute
    python -m experiments.double_well --data_weight 0                  # loses a mode, and is told so
    python -m experiments.double_well --energy_weight 0                # maximum likelihood
    python -m experiments.double_well --b -6 --c 1                     # steeper wells
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, DoubleWell, Trainer

double_well = Experiment(
    name="double_well",
    system=DoubleWell(),
    optimizer=Adam(learning_rate=3e-3, decay=200, max_norm=10.0),
    trainer=Trainer(max_steps=600, evaluation_batches=400),
    batch_size=512,
)

if __name__ == "__main__":
    double_well.main()
