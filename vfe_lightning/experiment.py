"""An experiment: what a run depends on, and the run itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vfe_lightning.cluster import check_variables
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Refused
from vfe_lightning.loading import loading
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback

    from vfe_lightning.tracking.filing import Filing


class Experiment(DeclaredExperiment):
    """A declaration of everything that a run depends on; frozen plain data, cheap to import."""

    def run(
        self,
        json: Path | str | None = None,
        resume: str | None = None,
        callbacks: Sequence["Callback"] = (),
        filing: "Filing | None" = None,
        init_from: str | None = None,
        run_key: str | None = None,
        take_over: bool = False,
    ) -> Result:
        """Train, then evaluate with frozen parameters and fresh samples; both are recorded in MLflow.

        Args:
            json: file for the final results, also written when the run fails.
            resume: id of a recorded run, or its beginning, that goes on from its last checkpoint.
            callbacks: further Lightning callbacks.
            init_from: a run, or a checkpoint, whose parameters are the start where names and shapes agree.
            run_key: a name of your choice. The first call makes the run; later ones, whatever stopped it, go
                on with it, and return its results once it is finished.
            take_over: resume at once although the process of the run seems to live, on another machine.
            filing: where a new run is filed in MLflow, and that of a key is looked for, if not under the
                experiment's name.

        Raises:
            Refused: before any compute, when the run cannot be made or recorded.
            Diverged: when F or an update is not a number, or a flow is no bijection.
            Interrupted: after SIGINT or SIGTERM, once the run is recorded as KILLED.
            Pruned: by a callback, once the run is recorded as KILLED.
        """
        from vfe_lightning.tracking import store

        if "" in (resume, init_from):  # which a script makes of a variable that was not set
            raise Refused("resume and init_from name a run: an empty text names none")
        check_variables()
        store.check_reachable(store.tracking_uri())
        with loading():
            from vfe_lightning.carry_out import carry_out
            from vfe_lightning.tracking.opening import Wanted

        filed = filing.experiment if filing else None
        wanted = Wanted(resume, run_key, take_over, init_from, filed)
        return carry_out(self, Path(json) if json else None, wanted, callbacks, filing)

    def main(self) -> Result:
        """Run from the command line, `python -m experiments.heg3d --help`, and exit; in a notebook return."""
        from vfe_lightning.command_line import main

        return main(self)
