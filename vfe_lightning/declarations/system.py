"""What every physical system declares, and how it becomes one that can be trained."""

import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from vfe_lightning.declarations.base import Declaration

# What an experiment declares beside its system, and the flags of the command line: one name, one meaning.
NAMES_OF_A_RUN = frozenset(
    {"name", "system", "optimizer", "trainer", "evaluation", "batch_size", "seed", "tags"}
    | {"config", "print_config", "json", "resume", "run_key", "take_over", "init_from", "help"}
)

Observable = Callable[[Any], Any]  # of samples x: (batch, ...) -> (batch,) or (batch, bins), tensors


class System(Declaration):
    """A physical system and its ansatz, as plain data.

    Declarations stay light: `builder` names, as entry points do, the function that makes the system of its
    declaration. Outside the package it is as well to override `build`.

    Raises:
        TypeError: a field has a name that the run has, too; when the class is made.
    """

    builder: ClassVar[str]  # "package.module:function"

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        if taken := sorted(NAMES_OF_A_RUN & cls.model_fields.keys()):
            raise TypeError(
                f"{cls.__name__}.{taken[0]}: this name is one of the run: call the field otherwise"
            )

    @property
    def has_scores(self) -> bool:
        """All gradients are made of scores, as natural gradients must be."""
        return True

    @property
    def exact_gradient(self) -> bool:
        """The gradient has no noise, as quasi-Newton steps need."""
        return False

    def observables(self) -> Mapping[str, Observable]:
        """What the evaluation measures besides: functions of samples, by names.

        Of a quantum system x are positions, or spins along z.
        """
        return {}

    def build(self) -> Any:
        """The `VariationalFreeEnergy` that was declared, with parameters of torch's global generator."""
        return pkgutil.resolve_name(self.builder)(self)
