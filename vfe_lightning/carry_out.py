"""One run from its declaration to its results, or to what is left of it."""

from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch.callbacks import Callback

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.errors import Deleted
from vfe_lightning.presentation import text
from vfe_lightning.result import Result
from vfe_lightning.run import Run
from vfe_lightning.tracking.endings import explained
from vfe_lightning.tracking.filing import Filing
from vfe_lightning.tracking.opening import Wanted
from vfe_lightning.tracking.places import whereabouts
from vfe_lightning.tracking.quiet import quiet
from vfe_lightning.tracking.stop import GracefulStop


def carry_out(
    experiment: DeclaredExperiment,
    json: Path | None,
    wanted: Wanted,
    callbacks: Sequence[Callback],
    filing: Filing | None,
) -> Result:
    """See `Experiment.run`."""
    quiet()
    with GracefulStop() as stop:
        run = Run(experiment, json, stop)
        try:
            if done := run.open(wanted):
                return done
            run.prepare(wanted, callbacks, filing)
        except BaseException as raised:
            run.abandon(stop.meant(raised))
            raise
        try:
            run.train()
            run.choose()
            run.evaluate()
            result = run.finish()
        except BaseException as raised:
            error = stop.meant(raised)
            run.fail(error)
            told = explained(error, run.checkpoints, run.trainer.global_step)
            raise told from (None if told is raised else raised)
        if run.record:
            print(f"{text(result)}\n\n{whereabouts(run.record.info)}", flush=True)
            try:
                run.record.close()
            except Deleted as deleted:
                raise explained(deleted, run.checkpoints, run.trainer.global_step) from None
        return result
