"""What there is to run: `python -m experiments` lists it, a line each."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from vfe_lightning.exits import told


def listed(folder: Path) -> Iterator[tuple[str, str]]:
    """The modules of a folder and what they say of themselves in a line; nothing is imported for it."""
    for path in sorted(folder.glob("*.py")):
        if not path.stem.startswith("_"):
            told = ast.get_docstring(ast.parse(path.read_text())) or ""
            yield path.stem, " ".join(told.partition("\n\n")[0].split())


def main(folder: Path) -> None:
    """Print the list, or say of a name what its command is."""
    found, package = dict(listed(folder)), folder.name
    if len(sys.argv) > 1 and (name := sys.argv[1].removesuffix(".py")) in found:
        print(f"{found[name]}\n\n    python -m {package}.{name} --help")
        return
    width = max(map(len, found))
    for name, line in found.items():
        print(f"{name:<{width}}  {line}")
    print(f"\npython -m {package}.NAME runs one, python -m {package}.NAME --help says how")


if __name__ == "__main__":
    with told():
        main(Path(__file__).parent)
