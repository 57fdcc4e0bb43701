"""The pages keep their word: their Python runs, their commands exist, their results are those of the data."""

import argparse
import ast
import importlib
import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from vfe_lightning import command_line, quoting
from vfe_lightning.__main__ import parser as main_parser
from vfe_lightning.analysis import catalogue
from vfe_lightning.analysis.pages import pages
from vfe_lightning.study.command_line import changes_of, check
from vfe_lightning.study.command_line import parser as study_parser
from vfe_lightning.study.plan import StudyPlan
from vfe_lightning.study.scan import planned

ROOT = Path(__file__).parents[1]
PAGES = list(pages(ROOT))
EXPERIMENTS = quoting.names(ROOT)
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<code>.*?)^ *```$", re.MULTILINE | re.DOTALL)
SCRIPT = re.compile(
    r"<!-- script: (\w+\.py) -->"
)  # above a block of Python: a program of its own, see test_own
LATER = re.compile(r"<!-- later: ([\w.]+) -->")  # above a block of Python: what it needs is not there yet
GENERATED = re.compile(r"<!-- results: .*?<!-- end -->", re.DOTALL)
REFERENCE = re.compile(r"<!-- reference: \S.*?-->.*?<!-- end -->", re.DOTALL)
WITH_ERROR = re.compile(r"\d\.?\d*\(\d+(?:\.\d+)?\)|\d\s*(?:\+/-|\+-|±)\s*\d")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """Code of a page in these languages, without what waits for something and without whole programs."""
    text = page.read_text()
    for match in FENCE.finditer(text):
        before = text[: match.start()].rstrip().splitlines()[-1:]
        before = "".join(before)
        if match["language"] in languages and not (LATER.match(before) or SCRIPT.match(before)):
            yield re.sub(f"^{match['indent']}", "", match["code"], flags=re.MULTILINE)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every line of a shell block, and of the docstring of an experiment or a study, as words.

    Variables that are given a plain text are that text; others, and what follows a pipe, are left out.
    """
    sources = {named(page): "\n".join(blocks(page, "sh")) for page in PAGES}
    for folder in ("experiments", "studies"):
        for path in sorted((ROOT / folder).glob("*.py")):
            about = ast.get_docstring(ast.parse(path.read_text())) or ""
            lines = re.findall(r"^ *(python -m (?:.*\\\n)*.*)$", about, re.MULTILINE)
            sources[named(path)] = "\n".join(lines)
    for source, text in sources.items():
        known = re.findall(r'^(\w+)="([^"]*)"$', text, re.MULTILINE)
        for line in text.replace("\\\n", " ").splitlines():
            for name, value in known:
                line = line.replace(f"${name}", value)
            words = itertools.takewhile(lambda w: w != "|", shlex.split(line, comments=True))
            if words := [word for word in words if not word.startswith("$")]:
                yield source, words


MODULE_COMMANDS = [(source, words) for source, words in commands() if "-m" in words]


@pytest.mark.parametrize("page", [p for p in PAGES if list(blocks(p, "python"))], ids=named)
def test_python_of_a_page_runs(page, home, monkeypatch):
    """In its order, in one name space and in an empty store."""
    monkeypatch.chdir(home)
    monkeypatch.syspath_prepend(str(ROOT))
    scope: dict[str, object] = {"__name__": "page"}
    for code in blocks(page, "python"):
        exec(compile(code, named(page), "exec"), scope)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_nothing_waits_for_what_is_there(page):
    for awaited in LATER.findall(page.read_text()):
        module, _, name = awaited.rpartition(".")
        there = hasattr(importlib.import_module(module), name)
        assert not there, f"{named(page)}: {awaited} is there: take the comment away, and the block is run"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_languages_of_blocks_are_checked_ones(page):
    text = page.read_text()
    assert {m["language"] for m in FENCE.finditer(text)} <= {"python", "sh"}
    assert len(re.findall(r"^ *```", text, re.MULTILINE)) == 2 * len(FENCE.findall(text))


@pytest.mark.parametrize(
    ("source", "words"), MODULE_COMMANDS, ids=lambda part: part if isinstance(part, str) else " ".join(part)
)
def test_commands_say_what_there_is(source, words, tmp_path, monkeypatch):
    """Flags are parsed as they would be, and nothing is run."""
    words = words[words.index("-m") + 1 :]
    module, *rest = words[: words.index(">")] if ">" in words else words
    kind, _, name = module.partition(".")
    if kind == "experiments":
        experiment = getattr(importlib.import_module(module), name)
        if "--config" in rest:  # which a command before has written
            path = tmp_path / "config.yaml"
            path.write_text(yaml.safe_dump(experiment.declared()))
            rest[rest.index("--config") + 1] = str(path)
        if "--help" not in rest:
            command_line.parse(experiment, rest)
    elif module == "studies.scan" or [module, *rest[:1]] == ["vfe_lightning", "scan"]:
        if "--help" not in rest:
            parsed_as_a_study(*planned(rest[kind == "vfe_lightning" :]))
    elif kind == "studies":
        parsed_as_a_study(getattr(importlib.import_module(module), name), rest)
    elif module == "vfe_lightning":
        assert isinstance(main_parser().parse_args(rest), argparse.Namespace)
    elif kind == "benchmarks":
        assert (ROOT / "benchmarks" / f"{name}.py").exists()
    else:
        assert module in ("venv", "pytest"), f"{source} names {module}"


def parsed_as_a_study(study: StudyPlan, words: list[str]) -> None:
    arguments, flags = study_parser(study).parse_known_args(words)
    check(arguments, study)
    changes_of(study, flags)


def test_make_targets_are_there():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    asked = [words[1] for _, words in commands() if words[0] == "make"]
    assert asked and set(asked) <= set(targets)


def test_benchmarks_that_pages_name_are_there():
    found = {name for page in PAGES for name in re.findall(r"python -m benchmarks\.(\w+)", page.read_text())}
    assert found and all((ROOT / "benchmarks" / f"{name}.py").exists() for name in found)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), f"{named(page)}: {target}"


def test_the_tables_are_those_of_the_data():
    """`python -m vfe_lightning results --check`."""
    changed = quoting.refresh(ROOT, check=True)
    assert not changed, f"python -m vfe_lightning results: {changed} are not as results.csv gives them"


def test_every_row_is_in_a_page():
    shown = {name for page in PAGES for names in re.findall(r"<!-- results: (.*?) -->", page.read_text())
             for name in names.split()}  # fmt: skip
    rows = catalogue.read(ROOT / quoting.RESULTS)
    assert rows and {row["experiment"] for row in rows} <= shown <= set(EXPERIMENTS)


def test_rows_say_where_they_come_from_and_nothing_of_the_machine():
    for row in catalogue.read(ROOT / quoting.RESULTS):
        assert re.fullmatch("[0-9a-f]{32}", row["run"]) and re.fullmatch("[0-9a-f]{12}[+]?", row["commit"])
        assert row["device"] and "/" not in row["device"] and row["threads"] >= 1
        assert row["steps"] > 0 and row["seconds"] > 0 and row["parameters"]
        experiment = quoting.declared(ROOT, row["experiment"])
        command_line.parse(experiment, shlex.split(row["arguments"]))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_results_are_not_typed(page):
    """A number with its error is of a run in results.csv, or of a source that is named."""
    typed = WITH_ERROR.findall(REFERENCE.sub("", GENERATED.sub("", page.read_text())))
    assert not typed, f"{named(page)}: {typed}: quote the run, or name the source in a reference comment"


def test_the_rule_finds_what_was_typed():
    for text in ("-0.1453(3)", "3.2(1.5)", "1.2 +/- 0.3", "12(3)", "4.77 +- 0.01"):
        assert WITH_ERROR.search(text)
    for text in ("f(3)", "F +- error", "SU(4)", "PRL 122, 080602 (2019)", "36! 2!"):
        assert not WITH_ERROR.search(text)


def test_every_experiment_and_study_is_in_the_tables():
    names = ("README.md", "experiments/README.md", "studies/README.md")
    front, families, list_of_studies = ((ROOT / name).read_text() for name in names)
    assert len(front.splitlines()) <= 150
    assert all(f"| `{name}` |" in front and f"`{name}`" in families for name in EXPERIMENTS)
    for path in (ROOT / "studies").glob("*.py"):
        if path.stem[0] != "_" and "__main__" in path.read_text():
            assert f"`{path.stem}`" in list_of_studies
