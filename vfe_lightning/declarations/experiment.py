"""What a run depends on: one physical system, how it is optimised, and for how long."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, PrivateAttr, SerializeAsAny, model_validator

from vfe_lightning.declarations.changes import changed, flat, nested, unknown_name
from vfe_lightning.declarations.data import shown
from vfe_lightning.declarations.evaluation import Evaluation, NoFinish
from vfe_lightning.declarations.label import label
from vfe_lightning.declarations.names import Name, Tags
from vfe_lightning.declarations.optimizer import LBFGS, NaturalGradient, Optimizer
from vfe_lightning.declarations.system import Observable, System
from vfe_lightning.declarations.trainer import Trainer


class DeclaredExperiment(BaseModel):
    """Frozen plain data, cheap to import."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field(description="what the runs are filed under in MLflow")
    system: SerializeAsAny[System] = Field(description="the physics and the ansatz")
    optimizer: Optimizer = Field(default=NaturalGradient(), description="how the parameters are optimised")
    trainer: Trainer = Field(default=Trainer(), description="budget and devices")
    evaluation: Evaluation = Field(default=NoFinish(), description="what follows on the bound")
    batch_size: PositiveInt = Field(le=2**31 - 1, description="samples a step, over all processes and passes")
    seed: int = Field(default=42, ge=0, lt=2**64, description="of the first parameters and of all samples")
    tags: Tags = Field(default={}, description="anything to find the runs by")
    _usual: Self | None = PrivateAttr(default=None)  # what it was varied from
    _asked: dict[str, Observable] = PrivateAttr(default={})  # what is measured besides

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

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and dict(self) == dict(other)

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
            return base.vary(**parts)._varied_from(self)
        physics = parts.pop("system", {}) | {
            k: parts.pop(k) for k in list(parts) if k not in own and k in system
        }
        if unknown := [name for name in parts if name not in own]:
            raise unknown_name(unknown[0], [*system, *own])
        varied = changed(self.model_copy(update={"system": changed(self.system, physics)}), parts)
        return varied._varied_from(self)

    def measuring(self, **observables: Observable) -> Self:
        """The same experiment, whose evaluation also measures functions of samples, under their names.

        `ising.measuring(m4=lambda s: s.mean(dim=1) ** 4)`; see `System.observables`. They are reweighted
        where the weights of samples are known.
        """
        other = self.model_copy()._varied_from(self)
        other._asked = self._asked | observables
        return other

    def asked(self) -> dict[str, Observable]:
        """What the system measures besides, and what was asked for."""
        return {**self.system.observables(), **self._asked}

    def _varied_from(self, base: Self) -> Self:
        self._asked = base._asked
        self._usual = base if base._usual is None else base._usual
        return self

    def declared(self) -> dict[str, Any]:
        """All values under the names that the command line knows, as plain data."""
        data = self.model_dump(mode="json")
        return data.pop("system") | data

    def redeclared(self, data: Mapping[str, Any]) -> Self:
        """The inverse of `declared`, for the same kind of system."""
        own = {k: v for k, v in data.items() if k in type(self).model_fields}
        system = type(self.system).model_validate({k: v for k, v in data.items() if k not in own})
        return type(self).model_validate(own | {"system": system})._varied_from(self)

    def parameters(self) -> dict[str, Any]:
        """All values under their dotted names; long data by a hash of them."""
        return {name: shown(value) for name, value in flat(self.declared()).items()}

    def label(self) -> str:
        """What tells this run from others: the physics, what was varied, and the seed.

        How it is carried out, with a progress bar or on how many threads, is no part of it.
        """
        usual = (self._usual if self._usual is not None else self).parameters()
        unsaid = {f"trainer.{name}" for name in Trainer.plumbing}
        told = {name: value for name, value in self.parameters().items() if name not in unsaid}
        return label(self.system, told, usual, self.seed)
