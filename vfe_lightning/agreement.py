"""What rank 0 finds in the store before it trains, on all ranks."""

from collections.abc import Callable
from typing import cast

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy

from vfe_lightning import declarations
from vfe_lightning.errors import Refused
from vfe_lightning.tracking.opening import Opened
from vfe_lightning.tracking.stop import GracefulStop, tell_children, told_by_parent
from vfe_lightning.trainer import several, strategy_of


def agreed(budget: declarations.Trainer, stop: GracefulStop, find: Callable[[], Opened]) -> Opened:
    """What `find` returns on rank 0, the only one to call it.

    Raises:
        Refused: on all ranks, where rank 0 finds nothing that it may go on with.
    """
    if told := told_by_parent():
        return Opened(*told)
    if not several(budget):
        return find()
    strategy = cast(DDPStrategy, strategy_of(budget))
    environment = strategy.cluster_environment
    if isinstance(environment, LightningEnvironment) and not environment.creates_processes_externally:
        found = find()
        tell_children([*found])
        return found
    stop.watchdog.meeting(several=True)
    strategy.setup_environment()
    stop.watchdog.met()
    answer: Opened | str | None = None
    if strategy.global_rank == 0:
        try:
            answer = find()
        except BaseException as error:  # of whatever kind: the other ranks wait to be told
            strategy.broadcast(f"rank 0: {error}")
            raise
    answer = strategy.broadcast(answer)
    if isinstance(answer, Opened):
        return answer
    raise Refused(str(answer))
