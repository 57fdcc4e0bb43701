"""How long and on what a system is trained."""

from typing import ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from vfe_lightning.declarations.base import Declaration

MOST_A_MACHINE = 1024  # processes, and threads of one: far more end in a crash before any message


class Trainer(Declaration):
    """The budget of a run and the devices it runs on; passed on to lightning.Trainer."""

    # no number of a run depends on these
    plumbing: ClassVar = frozenset({"accelerator", "checkpoint_every", "progress_bar", "threads"})

    max_steps: NonNegativeInt = Field(
        default=1000, description="optimisation steps; 0 evaluates what was declared or loaded"
    )
    accelerator: Literal["auto", "cpu", "gpu"] = Field(
        default="auto", description="kind of device; auto takes the one that was measured to be faster"
    )
    devices: PositiveInt = Field(
        default=1, le=MOST_A_MACHINE, description="processes on this machine: GPUs, or ranks on the CPU"
    )
    num_nodes: PositiveInt = Field(default=1, description="machines")
    strategy: Literal["auto", "ddp"] = Field(
        default="auto", description="how several devices share the batch"
    )
    accumulate: PositiveInt = Field(default=1, description="passes of sampling a step, to save memory")
    growth: PositiveInt = Field(
        default=1,
        description="batch of the last steps over that of the first, a power of 2: it doubles whenever as "
        "many samples were drawn as before it doubled last, in passes as of accumulate",
    )
    average: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="share of the steps, at their end, that has two thirds of the weight in the mean of the "
        "parameters; 0: no mean",
    )
    checkpoint_every: PositiveInt = Field(default=50, description="steps between two checkpoints")
    evaluation_batches: PositiveInt = Field(
        default=50, description="fresh batches with frozen parameters for the quoted numbers"
    )
    progress_bar: bool = Field(default=True, description="show F and its error while training")
    threads: int = Field(
        default=1,
        ge=0,
        le=MOST_A_MACHINE,
        description="CPU threads a process, which gains less than more devices; 0 leaves the choice to torch",
    )

    @field_validator("growth")
    @classmethod
    def _doubles(cls, growth: int) -> int:
        if growth & (growth - 1):
            raise ValueError(f"{growth} is no power of 2: take 1, 2, 4, 8, ...")
        return growth

    def grown(self, step: int) -> int:
        """Batch of a step over that of the first one: 1, 2, 4, ... up to `growth`, in turn for 1, 1/2, 1/4,
        ... of the steps of the first stage."""
        stages = self.growth.bit_length()
        share = (2 - 2.0 ** (1 - stages)) * step / max(self.max_steps, 1)  # in lengths of the first stage
        return next((2**k for k in range(stages) if share < 2 - 2.0**-k), self.growth)
