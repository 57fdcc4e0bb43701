"""A study and its command line."""

from dataclasses import dataclass
from typing import NoReturn

from vfe_lightning.study.plan import StudyPlan


@dataclass(frozen=True)
class Study(StudyPlan):
    """Plain data but for two functions; every trial becomes a run nested under that of the study."""

    def main(self) -> NoReturn:
        """Run from the command line: `python -m studies.heg2d_ansatz --help`."""
        from vfe_lightning.study.command_line import main

        main(self)
