"""What would go wrong with every trial of a study is told before the first."""

from collections.abc import Mapping
from typing import Any

import optuna

from vfe_lightning.errors import Refused
from vfe_lightning.preparation import check_room, prepared
from vfe_lightning.study.plan import StudyPlan
from vfe_lightning.tracking import store
from vfe_lightning.tracking.quiet import quiet

TRIED = 4  # trials: what one of them can do is no reason to refuse all


def rehearse(study: StudyPlan, changes: Mapping[str, Any]) -> None:
    """Build what a trial would train, on the devices that it would have.

    Args:
        changes: of the experiment of every trial, by their dotted names.

    Raises:
        Refused: none of a few random trials can be carried out here.
    """
    quiet()
    reasons = []
    for seed in range(TRIED):
        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
        try:
            experiment = study.experiment(trial).vary(**changes)
            if experiment.trainer.num_nodes > 1:
                raise Refused("a trial runs on one node: start workers on each of the nodes instead")
            check_room(prepared(experiment), store.local_folder(store.tracking_uri()))
            return
        except Refused as reason:
            reasons.append(reason)
    raise Refused(f"no trial can be carried out: {reasons[0]}")
