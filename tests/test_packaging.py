"""What is declared of the package is so: its dependencies, its one name, its version."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from setuptools import find_packages

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DISTRIBUTIONS = {"yaml": "pyyaml"}  # where an import is called otherwise
OWN = {"vfe_lightning", "experiments", "studies", "benchmarks"}


def required(*extras: str) -> set[str]:
    lines = [*PROJECT["project"]["dependencies"]]
    for extra in extras:
        lines += PROJECT["project"]["optional-dependencies"][extra]
    return {line.partition("[")[0].partition(">")[0].lower() for line in lines}


def imported(*folders: str) -> set[str]:
    """Distributions that these folders import, at any place in their code."""
    names: set[str] = set()
    for path in (p for folder in folders for p in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
    outer = {name.partition(".")[0] for name in names}
    beside = {p.stem for p in (ROOT / "tests").rglob("*.py")}
    return {DISTRIBUTIONS.get(name, name) for name in outer - OWN - beside - sys.stdlib_module_names}


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (("vfe_lightning", "experiments", "studies"), ("openmm",)),
        (("tests", "benchmarks"), ("openmm", "oracles", "postgresql", "notebook", "dev")),
    ],
)
def test_what_is_imported_is_declared(folders, extras):
    assert imported(*folders) <= required(*extras)


def test_an_installed_package_takes_one_name():
    found = find_packages(str(ROOT), include=PROJECT["tool"]["setuptools"]["packages"]["find"]["include"])
    assert {name.partition(".")[0] for name in found} == {"vfe_lightning"}
    assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"]["vfe_lightning"]
    assert (ROOT / "vfe_lightning" / "py.typed").exists()


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0" and citation["version"] == PROJECT["project"]["version"]
    assert citation["title"] and citation["abstract"] and citation["authors"] and citation["message"]
    assert all(r["type"] and r["title"] and r["authors"] and r["year"] for r in citation["references"])
    assert f"{citation['version']}" in (ROOT / "CHANGELOG.md").read_text()
