"""A climb as plain data, so that one that was stopped goes on from the temperature behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch

from vfe_lightning.samplers.bridge import Walkers
from vfe_lightning.samplers.populations import Populations
from vfe_lightning.samplers.rungs import Rung
from vfe_lightning.samplers.sequential_monte_carlo import Climb


class Keeper(Protocol):
    """Where stops of one rank are kept."""

    def held(self) -> dict[str, Any] | None:
        """The latest one, as it was given; None where there is none that can be read."""
        ...

    def keep(self, stop: dict[str, Any]) -> None: ...

    def clear(self) -> None:
        """Nothing is wanted of it any more."""
        ...


@dataclass(frozen=True)
class Stop:
    """All of what the rest of a climb depends on.

    Attributes:
        rungs: of the pilot.
        here: where the populations are.
        random: the state of their generator.
        evaluations, seconds: spent so far, the pilot included.
    """

    rungs: Sequence[Rung]
    here: Climb
    random: torch.Tensor
    evaluations: int
    seconds: float

    def plain(self) -> dict[str, Any]:
        """Tensors, numbers and lists of these."""
        populations = self.here.populations
        return {
            "rungs": [
                {**vars(rung), "sizes": list(rung.sizes), "shapes": list(rung.shapes), "idle": [*rung.idle]}
                for rung in self.rungs
            ],
            "walkers": vars(populations.walkers),
            "log_shares": populations.log_shares,
            "log_z": populations.log_z,
            "height": self.here.height,
            "conditional": self.here.conditional,
            "acceptance": self.here.acceptance,
            "random": self.random,
            "evaluations": self.evaluations,
            "seconds": self.seconds,
        }

    @classmethod
    def of(cls, plain: dict[str, Any], device: torch.device) -> Self:
        """What `plain` was made of, on a device."""

        def here(name: str) -> torch.Tensor:
            return plain[name].to(device)

        walkers = Walkers(**{name: x.to(device) for name, x in plain["walkers"].items()})
        populations = Populations(walkers, here("log_shares"), here("log_z"))
        rungs = [
            Rung(
                **{
                    **rung,
                    "sizes": tuple(rung["sizes"]),
                    "shapes": tuple(rung["shapes"]),
                    "idle": frozenset(rung["idle"]),
                }
            ).on(device)
            for rung in plain["rungs"]
        ]
        climb = Climb(populations, plain["height"], here("conditional"), here("acceptance"))
        return cls(rungs, climb, plain["random"].cpu(), plain["evaluations"], plain["seconds"])
