"""Declarations with other values: dotted names, parts, and other members of a union."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from vfe_lightning.declarations.base import Declaration
from vfe_lightning.declarations.schema import allowed, kinds_allowed, members
from vfe_lightning.errors import Refused

CLOSE = 0.6  # of difflib: what is less alike is no misspelling
FEW = 12  # names that are all told
Model = TypeVar("Model", bound=BaseModel)


def changed(declaration: Model, changes: Mapping[str, Any]) -> Model:
    """The same declaration with other values: `{"flow.depth": 3}` or `{"flow": {"depth": 3}}`.

    Another `kind` of a part starts from the defaults of that kind.

    Raises:
        Refused: for an unknown name or a value out of range.
    """
    try:
        return type(declaration).model_validate(_merged(declaration, nested(changes)))
    except ValidationError as error:
        raise Refused(explain(error, type(declaration))) from error


def nested(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names taken apart: `{"a.b": 1, "a": {"c": 2}}` is `{"a": {"b": 1, "c": 2}}`."""
    result: dict[str, Any] = {}
    for path, value in changes.items():
        head, _, rest = path.partition(".")
        inner = nested({rest: value} if rest else value) if rest or isinstance(value, Mapping) else value
        old = result.get(head)
        result[head] = _joined(old, inner) if isinstance(old, dict) and isinstance(inner, dict) else inner
    return result


def flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The inverse of `nested`."""
    result: dict[str, Any] = {}
    for name, value in data.items():
        result |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return result


def unknown_name(name: str, known: Iterable[str], prefix: str = "") -> Refused:
    """The refusal of a misspelt name, with the nearest known one: by its last part, or by its letters."""
    known = list(known)
    last = name.rpartition(".")[2]
    meant = [k for k in known if k == f"{name}.kind" or k.rpartition(".")[2] == last]
    meant = meant or difflib.get_close_matches(name, known, n=1, cutoff=CLOSE)
    if meant:
        hint = f": did you mean {' or '.join(prefix + k for k in meant[:3])}?"
    elif prefix == "--" and len(known) > FEW:
        hint = "; `--help all` lists what there is"
    else:
        hint = f"; known are {', '.join(prefix + k for k in known)}"
    return Refused(f"there is no {prefix}{name}{hint}")


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first error of a validation in one line: the field, the value, and what is allowed."""
    first = error.errors(include_url=False)[0]
    path, info = _locate(first["loc"], model)
    message = first["msg"].removeprefix("Value error, ")
    if not path:
        return message
    if first["type"] == "extra_forbidden":
        *parents, name = path.split(".")
        owner = _owner(first["loc"], model)
        return str(unknown_name(name, owner.model_fields, "".join(p + "." for p in parents)))
    if first["type"] == "missing":
        return f"{path} is missing"
    if first["type"] == "value_error":
        return f"{path}: {message}"
    if first["type"] == "union_tag_invalid":
        return f"{path}.kind = {first.get('ctx', {})['tag']} is not allowed: {kinds_allowed(info)}"
    about = "" if info is None else f" ({info.description}: {allowed(info)})"
    return f"{path} = {first['input']!s:.100} is not allowed: {message[0].lower()}{message[1:]}{about}"


def withdrawn(declaration: BaseModel, changes: Iterable[str]) -> set[str]:
    """The fields that follow from what is changed, and are not changed themselves."""
    if not isinstance(declaration, Declaration):
        return set()
    return {name for change in changes for name in declaration.withdraws.get(change, ())} - set(changes)


def _merged(declaration: BaseModel, changes: Mapping[str, Any]) -> dict[str, Any]:
    fields = type(declaration).model_fields
    gone = withdrawn(declaration, changes)
    data = {name: getattr(declaration, name) for name in fields if name not in gone}
    for name, value in changes.items():
        part = data.get(name)
        if isinstance(part, BaseModel) and isinstance(value, Mapping):
            same = value.get("kind", getattr(part, "kind", None)) == getattr(part, "kind", None)
            value = _merged(part, value) if same else dict(value)
        elif isinstance(part, dict) and isinstance(value, Mapping):
            value = part | dict(value)
        data[name] = value
    return data


def _joined(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    both = {
        k: _joined(a[k], b[k])
        for k in a.keys() & b.keys()
        if isinstance(a[k], dict) and isinstance(b[k], dict)
    }
    return a | b | both


def _locate(loc: tuple[int | str, ...], model: type[BaseModel]) -> tuple[str, Any]:
    """The dotted name that pydantic's location means, without the kinds that it passes through."""
    path, info, current, rest = [], None, model, list(loc)
    while rest:
        name = str(rest.pop(0))
        path.append(name)
        info = current.model_fields.get(name)
        if info is None:
            break
        current, rest = _below(info, rest)
    return ".".join(path), info


def _owner(loc: tuple[int | str, ...], model: type[BaseModel]) -> type[BaseModel]:
    current, rest = model, list(loc)
    while len(rest) > 1:
        current, rest = _below(current.model_fields[str(rest[0])], rest[1:])
    return current


def _below(info: Any, rest: list) -> tuple[type[BaseModel], list]:
    if info.discriminator is not None:
        kinds = members(info)
        return (kinds[str(rest[0])], rest[1:]) if rest and rest[0] in kinds else (BaseModel, rest)
    return (info.annotation if isinstance(info.annotation, type) else BaseModel), rest
