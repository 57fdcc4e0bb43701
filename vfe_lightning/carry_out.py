"""One run from its declaration to its results, or to what is left of it."""

from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch.callbacks import Callback

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.presentation import text
from vfe_lightning.result import Result
from vfe_lightning.run import Run
from vfe_lightning.tracking.endings import explained
from vfe_lightning.tracking.filing import Filing
from vfe_lightning.tracking.opening import Wanted
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
            if run.record:
                print(f"{text(result)}\n\n{run.record.whereabouts()}", flush=True)
                run.record.close()
        except BaseException as raised:
            error = stop.meant(raised)
            run.fail(error)
            told = explained(error, run.checkpoints, run.trainer.global_step)
            raise told from (None if told is raised else raised)
        return result
