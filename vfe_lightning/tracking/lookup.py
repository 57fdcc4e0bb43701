"""Which run is meant: by the beginning of its id, in one query however many there are."""

from string import hexdigits

from mlflow import MlflowClient
from mlflow.entities import Run

from vfe_lightning.errors import Refused
from vfe_lightning.tracking.deleted import restorable

SHOWN = 5  # of several runs that may be meant


def find_run(client: MlflowClient, beginning: str) -> Run:
    """The run whose id begins so.

    Raises:
        Refused: when there is no such run, or more than one.
    """
    experiments = [e.experiment_id for e in client.search_experiments()]
    query, runs = f"attributes.run_id LIKE '{beginning}%'", []
    if experiments and beginning and set(beginning) <= set(hexdigits):
        runs = client.search_runs(experiments, query, max_results=SHOWN + 1)
    if len(runs) == 1:
        return runs[0]
    if not runs:
        if beginning and (how := restorable(client, beginning)):
            raise Refused(how)
        raise Refused(f"no run {beginning}: `python -m vfe_lightning runs` lists them")
    number = "many" if len(runs) > SHOWN else len(runs)
    shown = ", ".join(run.info.run_id[:12] for run in runs[:SHOWN])
    raise Refused(f"{number} runs begin with {beginning}: {shown}")
