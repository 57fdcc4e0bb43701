"""A harmonic oscillator at temperature T with a Gaussian density: everything in closed form.

H = x^2 / 2, p(x) = N(0, width^2); F = width^2 / 2 - T (ln width + ln(2 pi e) / 2), exact at
width^2 = T. The environment can make it break, for tests of the ways in which a run may end:
TOY_BREAK="nan:13:0" is a NaN at step 13 on rank 0; the step -1 is the evaluation. TOY_PAUSE=0.1
makes every step as long, and TOY_GATE=folder makes step 30 wait while there is a file folder/30.
"""

import sys

from pydantic import Field, PositiveFloat

from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, System, Trainer


class Oscillator(System):
    """A classical particle in a harmonic well."""

    builder = "toy_system:ToySystem"

    temperature: PositiveFloat = Field(description="T, in units of the level spacing")


class ToyExperiment(Experiment):
    """Its random numbers are shifted with those of the tests, also where it runs by itself."""

    def run(self, *args, **kwargs):
        import seeds  # noqa: F401  not before: the command line stays light

        return super().run(*args, **kwargs)


toy = ToyExperiment(
    name="toy",
    system=Oscillator(temperature=0.5),
    optimizer=Adam(learning_rate=0.05),
    trainer=Trainer(max_steps=20, checkpoint_every=5, evaluation_batches=4),
    batch_size=64,
)

if __name__ == "__main__":
    sys.modules["toy"] = sys.modules["__main__"]  # one Oscillator class, not two
    toy.main()
