"""What a checkpoint says of the experiment that made it, so that it can be built again."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.declarations.own import Own, file_of, found_class, name_of
from vfe_lightning.errors import Refused

PACKAGE = Path(__file__).resolve().parents[1]


def origin_of(experiment: DeclaredExperiment) -> dict[str, Any]:
    """Plain data: all declared values, and where the classes are found of the system and of own parts."""
    system = type(experiment.system)
    return {
        "declared": experiment.declared(),
        "system": name_of(system),
        "file": file_of(system),
        "parts": {part.kind: file_of(type(part)) for part in own_parts(experiment.system)},
    }


def own_parts(declaration: BaseModel) -> Iterator[Own]:
    """Those from outside of the package, parts of parts included."""
    for _, value in declaration:
        if isinstance(value, Own):
            yield value
        if isinstance(value, BaseModel):
            yield from own_parts(value)


def files_of(experiment: DeclaredExperiment) -> list[Path]:
    """Where the classes of the system and of own parts are, if not in this package."""
    kinds = [type(experiment.system), *map(type, own_parts(experiment.system))]
    files = [Path(file) for kind in kinds if (file := file_of(kind))]
    return [file for file in dict.fromkeys(files) if not file.is_relative_to(PACKAGE)]


def declared_in(origin: Mapping[str, Any]) -> DeclaredExperiment:
    """The inverse of `origin_of`.

    Raises:
        Refused: a class is not found, or has other fields by now.
    """
    kind, data = found_class(origin["system"], origin["file"]), origin["declared"]
    own = {k: v for k, v in data.items() if k in DeclaredExperiment.model_fields}
    try:
        parts = {k: _with_parts(v, origin.get("parts", {})) for k, v in data.items() if k not in own}
        return DeclaredExperiment.model_validate(own | {"system": kind.model_validate(parts)})
    except Refused:
        raise
    except ValueError as error:
        raise Refused(f"{origin['system']} has changed since this was declared: {error}") from error


def _with_parts(value: Any, files: Mapping[str, str]) -> Any:
    """Plain data, with own parts as the objects that they were."""
    if not isinstance(value, Mapping):
        return value
    inner = {name: _with_parts(part, files) for name, part in value.items()}
    kind = str(value.get("kind"))
    return found_class(kind, files[kind]).model_validate(inner) if kind in files else inner
