"""Boltzmann generator of the potential of Mueller & Brown: three minima along a curved path.

`free_energy_difference` is that of y < 0.75 less that of y > 0.75. Many chains keep the flow from learning
samples by heart: where it is too narrow, rare samples of large weight are missed.

    python -m experiments.mueller_brown                                # a minute
    python -m experiments.mueller_brown --data_weight 0                # from the energy alone
"""

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, CouplingFlow, MuellerBrown, Samples, Trainer

mueller_brown = Experiment(
    name="mueller_brown",
    system=MuellerBrown(flow=CouplingFlow(layers=12, width=64), samples=Samples(chains=8000)),
    optimizer=Adam(learning_rate=3e-3, decay=200, max_norm=10.0),
    trainer=Trainer(max_steps=800, evaluation_batches=800),
    batch_size=512,
)

if __name__ == "__main__":
    mueller_brown.main()
