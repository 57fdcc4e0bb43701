"""A study: a function from a trial to an experiment, and what is to be made of the results."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vfe_lightning.declarations.names import checked_name
from vfe_lightning.declarations.study import GP, TPE, Grid, Pruning
from vfe_lightning.errors import NotFinite, Refused
from vfe_lightning.experiment import Experiment
from vfe_lightning.result import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from optuna import Trial

Report = tuple["pd.DataFrame", "Mapping[str, Figure]"]


@dataclass(frozen=True)
class StudyPlan:
    """Plain data but for two functions; every trial becomes a run nested under that of the study.

    Attributes:
        name: of the study in Optuna; in MLflow it is filed as `studies/<name>`.
        experiment: what a trial runs. The names that it asks the trial for are best those that
            `Experiment.vary` knows, such as "flow.depth".
        search: how the trials are chosen.
        n_trials: how many are to be finished, over all workers and restarts; all points of a grid.
        objectives: the numbers of a `Result` that are minimised; several give a Pareto front.
        pruning: when a trial ends early; None for never, as in a scan of which every point counts.
        report: from the results of the complete trials to a table and figures.
        about: what its page and its help say; if nothing, the docstring of the module of `experiment`.
        warm: the parameter of a grid along which a trial starts from what its neighbour has learned.
        arguments: of `python -m vfe_lightning scan`, where that makes the study, and no module of its own.
        declaring: the script, or the name of the module, that then declares the experiment.
    """

    name: str
    experiment: "Callable[[Trial], Experiment]"
    search: TPE | GP | Grid = field(default_factory=TPE)
    n_trials: int | None = None
    objectives: tuple[str, ...] = ("free_energy",)
    pruning: Pruning | None = field(default_factory=Pruning)
    report: "Callable[[Sequence[Result]], Report] | None" = None
    about: str | None = None
    warm: str | None = None
    arguments: tuple[str, ...] = ()
    declaring: str = ""

    def __post_init__(self) -> None:
        try:
            checked_name(self.name)
        except ValueError as error:
            raise Refused(f"a study cannot be called so: {error}") from error

    @property
    def told(self) -> str:
        """What it says of itself."""
        return (self.about or sys.modules[self.experiment.__module__].__doc__ or "").strip()

    @property
    def filed_as(self) -> str:
        return f"studies/{self.name}"

    @cached_property
    def size(self) -> int:
        """How many trials are finished in the end, if nothing else is asked for."""
        if isinstance(self.search, Grid):
            points = 1
            for values in self.search.values.values():
                points *= len(values)
            return min(self.n_trials or points, points)
        return self.n_trials or 50

    @cached_property
    def example(self) -> tuple[Experiment, Mapping[str, Any]]:
        """The experiment of some trial, and the parameters that the study chose for it."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
        return self.experiment(trial), trial.params

    def objectives_of(self, result: Result) -> list[float]:
        """What is minimised.

        Raises:
            NotFinite: where a run did not measure it, or its value is none that can be compared.
        """
        values = {name: result.number(name)[0] for name in self.objectives}
        for name, value in values.items():
            if not math.isfinite(value):
                raise NotFinite(f"{name} is {value}")
        return list(values.values())
