"""A study and its command line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Self

from vfe_lightning.declarations.study import Grid
from vfe_lightning.experiment import Experiment
from vfe_lightning.result import Result
from vfe_lightning.study.plan import Report, StudyPlan

if TYPE_CHECKING:
    from optuna import Trial


@dataclass(frozen=True)
class Study(StudyPlan):
    """Plain data but for two functions; every trial becomes a run nested under that of the study."""

    @classmethod
    def scan(
        cls,
        name: str,
        experiment: Experiment,
        values: Mapping[str, Sequence[Any]],
        report: Callable[[Sequence[Result]], Report] | None = None,
        about: str | None = None,
    ) -> Self:
        """One run of an experiment at every combination of the values of its parameters.

        `Study.scan("sk_temperature", sk, {"beta": (0.5, 1.0)}, about=__doc__)`
        """

        def point(trial: "Trial") -> Experiment:
            return experiment.vary(**{key: trial.suggest_categorical(key, v) for key, v in values.items()})

        search = Grid(values={key: tuple(found) for key, found in values.items()})
        return cls(name=name, experiment=point, search=search, pruning=None, report=report, about=about)

    def main(self) -> NoReturn:
        """Run from the command line: `python -m studies.heg2d_ansatz --help`."""
        from vfe_lightning.study.command_line import main

        main(self)
