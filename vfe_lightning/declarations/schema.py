"""The fields of a declaration as flat, dotted names, with what each may be."""

import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from vfe_lightning.declarations.data import Allowed
from vfe_lightning.declarations.own import Open, outside
from vfe_lightning.errors import Refused

Model = TypeVar("Model", bound=BaseModel)

NUMBERS = {int: "integer", float: "number", str: "text", bool: "true or false"}
SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


@dataclass(frozen=True)
class Leaf:
    """One value that can be set; called with what was typed, it returns the value that was meant.

    A value that cannot be read is returned as it is: the declaration as a whole refuses it, with
    one wording for the command line, files and Python.
    """

    path: str
    part: str  # dotted name of the declaration that it belongs to, "" at the top
    description: str
    default: Any
    annotation: Any
    allowed: str

    def __call__(self, value: Any) -> Any:
        named = {str(choice): choice for choice in _choices(self.annotation)}
        try:
            return TypeAdapter(self.annotation).validate_python(named.get(str(value), value))
        except ValidationError:
            return value

    def __repr__(self) -> str:
        return self.allowed


def leaves(declaration: BaseModel, prefix: str = "") -> Iterator[Leaf]:
    """All values of a declaration, parts within parts included; a part that may be plain is both."""
    part = prefix.rstrip(".")
    for name, info in type(declaration).model_fields.items():
        value, path = getattr(declaration, name, None), prefix + name
        is_part = isinstance(value, BaseModel)
        if name != "kind" and not isinstance(value, dict) and (not is_part or _may_be_plain(info)):
            annotation = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
            default = getattr(value, "kind", None) if is_part else value
            yield Leaf(path, part, info.description or "", default, annotation, allowed(info))
        if is_part:
            if kinds := members(info):
                kind, text = getattr(value, "kind", None), _kinds_text(info, kinds)
                yield Leaf(f"{path}.kind", path, text, kind, _literal(kinds), kinds_allowed(info))
            yield from leaves(value, path + ".")


def with_kinds(declaration: Model, kinds: Mapping[str, Any]) -> Model:
    """The declaration with other members of its unions, at their defaults and not yet validated.

    Raises:
        Refused: for a kind that is not in the union, or a field that is none.
    """
    for path, kind in kinds.items():
        name, _, rest = path.partition(".")
        info, part = type(declaration).model_fields.get(name), getattr(declaration, name, None)
        if info is None or not (members(info) if rest == "kind" else isinstance(part, BaseModel)):
            continue
        if rest != "kind" and isinstance(part, BaseModel):
            part = with_kinds(part, {rest: kind})
        elif kind != getattr(part, "kind", None):
            part = _member(info, kind, path).model_construct(**({"kind": kind} if ":" in kind else {}))
        declaration = declaration.model_copy(update={name: part})
    return declaration


def _member(info: FieldInfo, kind: Any, path: str) -> type[BaseModel]:
    if isinstance(kind, str) and kind in members(info):
        return members(info)[kind]
    if isinstance(kind, str) and ":" in kind:
        return outside(kind)
    raise Refused(f"{path} = {kind} is not allowed: {kinds_allowed(info)}")


def _may_be_plain(info: FieldInfo) -> bool:
    """A part that a number or a word may stand for."""
    return bool(members(info)) and not all(hasattr(m, "model_fields") for m in get_args(info.annotation))


def members(info: FieldInfo) -> dict[str, type[BaseModel]]:
    """The declarations that a field chooses from by their `kind`; empty where they have none."""
    candidates = get_args(info.annotation) or (info.annotation,)
    models = [
        m for m in candidates if isinstance(m, type) and issubclass(m, BaseModel) and "kind" in m.model_fields
    ]
    return {get_args(m.model_fields["kind"].annotation)[0]: m for m in models}


def kinds_allowed(info: FieldInfo) -> str:
    """What the `kind` of a field may be: "one of made, bernoulli, or module:Class of an OwnNetwork"."""
    own = [f", or module:Class of an {m.part.__name__}" for m in info.metadata if isinstance(m, Open)]
    return _one_of(members(info)) + "".join(own)


def allowed(info: FieldInfo) -> str:
    """What a plain field may be: "integer > 0", "one of 2, 3"."""
    if choices := _choices(info.annotation):
        return _one_of(choices)
    if told := [m.words for m in info.metadata if isinstance(m, Allowed)]:
        return told[0]
    kinds = (
        get_args(info.annotation)
        if get_origin(info.annotation) in (Union, types.UnionType)
        else (info.annotation,)
    )
    return _bounded(" or ".join(map(_word, kinds)), info.metadata)


def _word(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        return _bounded(_word(kind.__origin__), kind.__metadata__)
    return "none" if kind is type(None) else NUMBERS.get(kind, str(kind))


def _bounded(words: str, limits: Iterable[Any]) -> str:
    bounds = [
        f"{sign} {getattr(limit, name):g}"
        for limit in limits
        for name, sign in SIGNS.items()
        if getattr(limit, name, None) is not None
    ]
    return f"{words} {' and '.join(bounds)}".strip()


def _choices(annotation: Any) -> tuple:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _one_of(choices: Any) -> str:
    return "one of " + ", ".join(str(choice) for choice in choices)


def _literal(kinds: dict[str, type[BaseModel]]) -> Any:
    return Literal[tuple(kinds)]


def _kinds_text(info: FieldInfo, kinds: dict[str, type[BaseModel]]) -> str:
    opened = " module:Class: one of your own." if any(isinstance(m, Open) for m in info.metadata) else ""
    lines = (f"{kind}: {(m.__doc__ or '').strip().splitlines()[0]}" for kind, m in kinds.items())
    return f"{info.description or ''}; " + " ".join(lines) + opened
