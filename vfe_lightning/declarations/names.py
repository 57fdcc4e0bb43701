"""Names of experiments, studies and tags: what databases, file systems and pages take without harm."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from vfe_lightning.declarations.data import Allowed

LONGEST = 200  # bytes: MLflow takes 500 characters, file systems 255 bytes
TAG = re.compile(r"[\w .:/-]{1,200}")  # as MLflow's databases have them


def checked_name(name: str) -> str:
    """A name that is one line and, as a path, stays within the folder that it is below.

    Raises:
        ValueError: it is not.
    """
    if not name.strip() or name != name.strip() or not name.isprintable():
        raise ValueError(f"{name!r:.60} is no name: printed characters are wanted, no blanks at the ends")
    if len(name.encode()) > LONGEST:
        raise ValueError(f"{name:.40}... is no name: it is longer than {LONGEST} bytes")
    if "\\" in name or {"", ".", ".."} & set(name.split("/")):
        raise ValueError(f"{name} is no name: it must not lead out of its folder")
    return name


def _checked_tag(name: str) -> str:
    if not TAG.fullmatch(name) or {"", ".", ".."} & set(name.split("/")):
        raise ValueError(
            f"{name!r:.60} is no name of a tag: letters, digits, blanks and _ - . : / are wanted, up to 200"
        )
    return name


Name = Annotated[str, AfterValidator(checked_name)]
Tags = Annotated[
    dict[Annotated[str, AfterValidator(_checked_tag)], Annotated[str, Field(max_length=5000)]],
    Allowed("texts by their names"),
]
