"""A recorded run goes on, perhaps with a larger budget."""

import json

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.tracking import provenance
from vfe_lightning.tracking.items import refusing
from vfe_lightning.tracking.places import DECLARATION
from vfe_lightning.tracking.process import Process
from vfe_lightning.tracking.record import Record
from vfe_lightning.tracking.sessions import BEGUN


def reopen(record: Record, experiment: DeclaredExperiment, declaring: str = "") -> None:
    """
    Raises:
        Refused: what earlier sessions have recorded does not reach MLflow.
    """
    client, run_id = record.client, record.run_id
    with refusing("MLflow cannot go on with the run"):
        record.settle()
        for name, values in record.known.items():
            values |= {m.step: m.value for m in client.get_metric_history(run_id, name)}
        client.update_run(run_id, status="RUNNING")
        if record.lease:
            record.lease.begun = True
        budget = {"trainer.max_steps": str(experiment.trainer.max_steps)}
        record.tag({**Process.this().tags(), **budget, BEGUN: str(record.session)})
        known = client.get_run(run_id).data
        for name in {"vfe.error", "vfe.alarms", "vfe.failures"} & known.tags.keys():
            client.delete_tag(run_id, name)
        if "name" in known.params:
            record.text(json.dumps(experiment.declared(), indent=2), DECLARATION)
        else:  # it was killed while it was made
            record.describe(experiment, provenance.code(experiment, declaring)[1], declaring)
