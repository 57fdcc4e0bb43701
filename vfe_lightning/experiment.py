"""An experiment: one physical system, how it is optimised, and for how long."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, SerializeAsAny, model_validator

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.changes import changed, flat, nested, unknown_name
from vfe_lightning.declarations.optimizer import LBFGS, NaturalGradient, Optimizer
from vfe_lightning.declarations.trainer import Trainer
from vfe_lightning.result import Result

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback

    from vfe_lightning.tracking.record import Filing


class Experiment(BaseModel):
    """A declaration of everything that a run depends on; frozen plain data, cheap to import."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="what the runs are filed under in MLflow")
    system: SerializeAsAny[Declaration] = Field(description="the physics and the ansatz")
    optimizer: Optimizer = Field(default=NaturalGradient(), description="how the parameters are optimised")
    trainer: Trainer = Field(default=Trainer(), description="budget and devices")
    batch_size: PositiveInt = Field(description="samples a step, over all processes and passes")
    seed: int = Field(default=42, ge=0, description="of the first parameters and of all samples")
    tags: dict[str, str] = Field(default={}, description="anything to find the runs by")

    @model_validator(mode="after")
    def _has_an_optimizer_for_its_gradient(self) -> Self:
        match self.optimizer:
            case NaturalGradient() if not self.system.has_scores:
                raise ValueError("no scores for a natural gradient here: use --optimizer.kind adam")
            case LBFGS() if not self.system.exact_gradient:
                raise ValueError(
                    "optimizer lbfgs needs a gradient without noise, of spins 1/2 with network peierls: "
                    "use --optimizer.kind adam"
                )
        return self

    def vary(self, **changes: Any) -> Self:
        """The same experiment with other values of the run or, by their plain names, of the system.

        `heg3d.vary(rs=5, **{"flow.depth": 3, "trainer.max_steps": 10}, occupation={"kind": "ideal_gas"})`

        Raises:
            Refused: for an unknown name or a value out of range.
        """
        parts = nested(changes)
        own, system = type(self).model_fields, type(self.system).model_fields
        if "system" in parts and not isinstance(parts["system"], Mapping):
            base = self.model_copy(update={"system": parts.pop("system")})
            return base.vary(**parts)
        physics = parts.pop("system", {}) | {
            k: parts.pop(k) for k in list(parts) if k not in own and k in system
        }
        if unknown := [name for name in parts if name not in own]:
            raise unknown_name(unknown[0], [*system, *own])
        return changed(self.model_copy(update={"system": changed(self.system, physics)}), parts)

    def declared(self) -> dict[str, Any]:
        """All values under the names that the command line knows, as plain data."""
        data = self.model_dump(mode="json")
        return data.pop("system") | data

    def redeclared(self, data: Mapping[str, Any]) -> Self:
        """The inverse of `declared`, for the same kind of system."""
        own = {k: v for k, v in data.items() if k in type(self).model_fields}
        system = type(self.system).model_validate({k: v for k, v in data.items() if k not in own})
        return type(self).model_validate(own | {"system": system})

    def parameters(self) -> dict[str, Any]:
        """All values under their dotted names."""
        return flat(self.declared())

    def label(self) -> str:
        """What tells this run from others: the physics and the seed."""
        fields = type(self.system).model_fields
        values = {
            name: getattr(self.system, name)
            for name, info in fields.items()
            if info.is_required() or getattr(self.system, name) != info.default
        }
        plain = {
            k: v for k, v in values.items() if isinstance(v, int | float | str) and not isinstance(v, bool)
        }
        words = [f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in plain.items()]
        return " ".join([*words, f"#{self.seed}"])

    def run(
        self,
        json: Path | str | None = None,
        resume: str | None = None,
        callbacks: Sequence["Callback"] = (),
        filing: "Filing | None" = None,
    ) -> Result:
        """Train, then evaluate with frozen parameters and fresh samples; both are recorded in MLflow.

        Args:
            json: file for the final results, also written when the run fails.
            resume: id of a recorded run, or its beginning, that goes on from its last checkpoint.
            callbacks: further Lightning callbacks.
            filing: where a new run is filed in MLflow, if not under the experiment's name.

        Raises:
            Refused: before any compute, when the run cannot be made or recorded.
            Diverged: when F or an update is not a number, or a flow is no bijection.
            Interrupted: after SIGINT or SIGTERM, once the run is recorded as KILLED.
            Pruned: by a callback, once the run is recorded as KILLED.
        """
        from vfe_lightning.tracking import store

        store.check_reachable(store.tracking_uri())
        from vfe_lightning.run import carry_out

        return carry_out(self, Path(json) if json else None, resume, callbacks, filing)

    def main(self) -> Result:
        """Run from the command line, `python -m experiments.heg3d --help`, and exit; in a notebook return."""
        from vfe_lightning.command_line import main

        return main(self)
