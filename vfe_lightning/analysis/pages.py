"""Pages whose tables of results are made from data.

    <!-- results: ising sk -->
    | run | F | ...
    <!-- end -->

is the table of all rows of these experiments; whatever stands between the two comments is replaced.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from vfe_lightning.analysis.catalogue import Row, table
from vfe_lightning.declarations.changes import unknown_name
from vfe_lightning.errors import Refused

FOLDERS = ("", "experiments", "studies", "vfe_lightning", "vfe_lightning/*", "docs")
BLOCK = re.compile(r"(<!-- results: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
BEGINNING = re.compile(r"<!-- results:")


def pages(root: Path) -> Iterator[Path]:
    """All pages of a checkout."""
    for folder in FOLDERS:
        yield from sorted(root.glob(f"{folder}/*.md" if folder else "*.md"))


def filled(text: str, rows: Sequence[Row], known: Iterable[str]) -> str:
    """A page with its tables as the data give them.

    Raises:
        Refused: for an experiment that is not among the known ones, and for a block that does not end.
    """

    def block(match: re.Match[str]) -> str:
        names = match[2].split()
        for name in names:
            if name not in known:
                raise unknown_name(name, known)
        found = [row for name in names for row in rows if row["experiment"] == name]
        return f"{match[1]}{table(found) if found else 'No run is quoted yet.'}\n{match[3]}"

    known = list(known)
    if len(BEGINNING.findall(text)) != len(BLOCK.findall(text)):
        raise Refused("a block of results is not closed: <!-- results: NAMES --> ... <!-- end -->")
    return BLOCK.sub(block, text)
