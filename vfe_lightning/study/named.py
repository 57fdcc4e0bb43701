"""An experiment by its name: one of this checkout, `module:object`, or the script that declares it."""

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

from vfe_lightning.errors import Refused
from vfe_lightning.experiment import Experiment

PACKAGE = "experiments"


def names() -> list[str]:
    """Of the experiments of this checkout; none where there is no checkout."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec else []
    return sorted(p.stem for folder in folders for p in Path(folder).glob("*.py") if p.stem[0] != "_")


def named(word: str) -> Experiment:
    """`ising`, `my_package.gas:cold`, `my_gas.py`, or `my_gas.py:cold` where a script has several.

    Raises:
        Refused: there is none, or more than one.
    """
    place, _, name = word.partition(":")
    if place.endswith(".py"):
        return _only(_script(Path(place)), name, word)
    if name:
        try:
            return _only(importlib.import_module(place), name, word)
        except ModuleNotFoundError as error:
            raise Refused(f"there is no experiment {word}: {error}") from error
    if word not in names():
        known = ", ".join(names()) or "none: this is no checkout"
        raise Refused(f"there is no experiment {word}: give module:object, a script, or one of {known}")
    return getattr(importlib.import_module(f"{PACKAGE}.{word}"), word)


def declaring(word: str) -> str:
    """The script, or the name of the module, that an experiment was found in by this word."""
    place, _, name = word.partition(":")
    if place.endswith(".py"):
        return str(Path(place).resolve())
    return place if name else f"{PACKAGE}.{word}"


def _script(path: Path) -> ModuleType:
    """As a module beside which others are found, as when it runs as a program."""
    if not path.is_file():
        raise Refused(f"there is no file {path}")
    sys.path.insert(0, str(path.resolve().parent))
    module = importlib.import_module(path.stem)
    if Path(module.__file__ or "").resolve() != path.resolve():
        raise Refused(f"{path.name} has the name of another module, {module.__file__}: rename it")
    return module


def _only(module: ModuleType, name: str, word: str) -> Experiment:
    found = {key: value for key, value in vars(module).items() if isinstance(value, Experiment)}
    if not name and len(found) == 1:
        return next(iter(found.values()))
    try:
        wanted = pkgutil.resolve_name(f"{module.__name__}:{name}") if name else None
    except AttributeError:
        wanted = None
    if not isinstance(wanted, Experiment):
        which = f"of {', '.join(found)} name one, {word.partition(':')[0]}:NAME" if found else "it has none"
        raise Refused(f"{word} is no experiment: {which}")
    return wanted
