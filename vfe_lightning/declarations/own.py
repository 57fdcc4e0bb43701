"""Parts of an ansatz from outside of the package: declarations that can build a network or a flow.

Where a union of networks or of flows is declared, an object of such a class stands as well. Its `kind` is
where the class is found, "module:Class" as of entry points or "script.py:Class", so that recorded runs find
it again.
"""

import importlib.util
import pkgutil
import sys
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import Field, SerializeAsAny, ValidatorFunctionWrapHandler, WrapValidator, field_validator

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.errors import Refused

LOADED = "vfe_lightning_origin_"  # before the name of a script that was loaded by its file


class Own(Declaration):
    """A part of an ansatz; a subclass from outside has fields of its own and builds the part."""

    kind: str = Field(default="", validate_default=True, description="module:Class, by itself")

    @field_validator("kind")
    @classmethod
    def _named(cls, given: str) -> str:
        return name_of(cls)


class OwnNetwork(Own):
    """A model of p(s) of spins +-1."""

    @abstractmethod
    def build(self, sites: int) -> Any:
        """A `generative.model.GenerativeModel` of s (batch, sites), in float64; lattices are row by row.

        A `generative.differentiable.DifferentiableModel` needs no scores.
        """


class OwnColourNetwork(Own):
    """A model of p(s) of colours 0, 1, ..., q - 1."""

    @abstractmethod
    def build(self, sites: int, colours: int) -> Any:
        """The same of q = `colours` values a site, which are numbers in float64."""


class OwnFlow(Own):
    """A map of normal variables z on x."""

    @abstractmethod
    def build(self, shape: tuple[int, ...]) -> Any:
        """A `bijectors.bijector.Bijector` of samples (batch, *shape), in float64."""


class OwnVelocity(Own):
    """A velocity of particles of one or two kinds, whose flow maps free ones on interacting ones."""

    @abstractmethod
    def build(self, n_up: int, n_down: int, dim: int) -> Any:
        """A `bijectors.equivariant_velocity.Velocity` in float64 that commutes with exchanges within a kind.

        It is written with what `calculus.forward_laplacian` knows, and each of its parameters may have an
        axis of walkers before its own: `x * a[..., None, None]` of a number a. Where two electrons of
        opposite spin meet, it has to be smooth.
        """


@dataclass(frozen=True)
class Open:
    """Marks a union that also takes declarations from outside, of subclasses of this part."""

    part: type[Own]


def or_own(part: type[Own]) -> tuple[Any, ...]:
    """What opens a union of declarations with `kind` to one from outside, as metadata of its type."""

    def opened(given: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        if isinstance(given, part):
            return given
        kind = given.get("kind") if isinstance(given, Mapping) else None
        if isinstance(kind, str) and ":" in kind:
            return outside(kind, part).model_validate(given)
        if isinstance(given, Own):
            raise ValueError(f"{type(given).__name__} must be a subclass of {part.__name__} here")
        return handler(given)

    return WrapValidator(opened), SerializeAsAny(), Open(part)  # pyright: ignore[reportCallIssue]


def outside(kind: str, part: type[Own] = Own) -> type[Own]:
    """The class that a `kind` with a colon names.

    Raises:
        Refused: there is none, or it is of another part.
    """
    found = found_class(kind, None)
    if not (isinstance(found, type) and issubclass(found, part)):
        raise Refused(f"{kind} must be a subclass of vfe_lightning.declarations.{part.__name__}")
    return found


def name_of(kind: type) -> str:
    """module:Class, or script.py:Class of what runs as a script or was loaded by its file."""
    return f"{_module_name(sys.modules.get(kind.__module__), kind.__module__)}:{kind.__qualname__}"


def file_of(kind: type) -> str | None:
    """The file that a class was declared in."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return str(Path(file).resolve()) if file else None


def found_class(name: str, file: str | None) -> Any:
    """A class: of the program that runs, of its module, or of its file.

    Raises:
        Refused: it is nowhere.
    """
    module, _, qualified = name.partition(":")
    main, loaded = sys.modules["__main__"], sys.modules.get(LOADED + Path(module).stem)
    for known, its_name in ((main, _module_name(main, "__main__")), (loaded, module)):
        found = same_file(known, file) if file and Path(file).is_file() else its_name == module
        if found and hasattr(known, qualified):
            return getattr(known, qualified)
    script = module == "__main__" or module.endswith(".py")
    try:
        if not script:
            return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError):
        pass
    path = Path(file or (module if script else ""))
    if not path.is_file():
        raise Refused(f"{name} is not found" + (f": it was declared in {path}" if file else ""))
    try:
        return getattr(_loaded(path.resolve()), qualified)
    except AttributeError as error:
        raise Refused(f"{path} has no {qualified}: {error}") from error


def same_file(module: Any, path: str | None) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and path is not None and Path(file).resolve() == Path(path)


def _loaded(path: Path) -> ModuleType:
    """The module of a script, as when it ran as a program, but for what it does when it is started."""
    name = LOADED + path.stem
    if name not in sys.modules or not same_file(sys.modules[name], str(path)):
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        sys.path.insert(0, str(path.parent))
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def _module_name(module: Any, name: str) -> str:
    if name == "__main__" and module is not None:
        spec, file = getattr(module, "__spec__", None), getattr(module, "__file__", None)
        return spec.name if spec else Path(file).name if file else name
    return f"{name.removeprefix(LOADED)}.py" if name.startswith(LOADED) else name
