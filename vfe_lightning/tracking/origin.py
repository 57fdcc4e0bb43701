"""What a checkpoint says of the experiment that made it, so that it can be built again."""

import importlib.util
import pkgutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.declarations.system import System
from vfe_lightning.errors import Refused

ORIGIN = "origin.json"


def origin_of(experiment: DeclaredExperiment) -> dict[str, Any]:
    """Plain data: all declared values, and where the class of the system is found."""
    system = type(experiment.system)
    module = sys.modules.get(system.__module__)
    spec = getattr(module, "__spec__", None)
    name = spec.name if spec else system.__module__
    file = getattr(module, "__file__", None)
    return {
        "declared": experiment.declared(),
        "system": f"{name}:{system.__qualname__}",
        "file": str(Path(file).resolve()) if file else None,
    }


def declared_in(origin: Mapping[str, Any]) -> DeclaredExperiment:
    """The inverse of `origin_of`.

    Raises:
        Refused: the class is not found, or has other fields by now.
    """
    kind, data = class_of(origin), origin["declared"]
    own = {k: v for k, v in data.items() if k in DeclaredExperiment.model_fields}
    try:
        system = kind.model_validate({k: v for k, v in data.items() if k not in own})
        return DeclaredExperiment.model_validate(own | {"system": system})
    except ValueError as error:
        raise Refused(f"{origin['system']} has changed since this was declared: {error}") from error


def class_of(origin: Mapping[str, Any]) -> type[System]:
    """The class of the system: from its module, from the program that runs, or from its file."""
    module, _, qualified = origin["system"].partition(":")
    main = sys.modules["__main__"]
    if _same_file(main, origin["file"]) and hasattr(main, qualified):
        return getattr(main, qualified)
    try:
        if module != "__main__":
            return pkgutil.resolve_name(origin["system"])
    except (ImportError, AttributeError):
        pass
    path = Path(origin["file"] or "")
    if not path.is_file():
        raise Refused(f"{origin['system']} is not found: it was declared in {path}")
    name = f"vfe_lightning_origin_{path.stem}"
    if name not in sys.modules or not _same_file(sys.modules[name], str(path)):
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        sys.path.insert(0, str(path.parent))  # as when it ran as a program
        spec.loader.exec_module(sys.modules[name])
    return getattr(sys.modules[name], qualified)


def _same_file(module: Any, path: str | None) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and path is not None and Path(file).resolve() == Path(path)
