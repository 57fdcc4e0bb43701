"""Everything that a run loads or remembers when it is first asked for: a fork of one that has it is quick."""

import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
import sqlalchemy.orm

import vfe_lightning.carry_out  # noqa: F401
from vfe_lightning.analysis.figures import convergence
from vfe_lightning.tracking.pictures import drawn

sqlalchemy.orm.configure_mappers()
F = {0: 0.1, 1: -12.3}
drawn(convergence(F, F, F, {0: 1e-3, 1: 2.0}, "kT", "site", {"exact": -20.0}, "F = -12.3(1)"))
