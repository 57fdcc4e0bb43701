"""Where a run is filed."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Filing:
    """Where a run is filed in MLflow, and what it is called, if not after its experiment."""

    experiment: str
    run_name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    about: str = ""  # the experiment's description, where it has none yet
    declaring: str = ""  # the script, or the name of the module, that declares what another program runs
