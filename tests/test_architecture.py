"""The house keeps its order: imports point one way, files stay short, declarations stay light."""

import ast
import pkgutil
from collections.abc import Container
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from vfe_lightning import declarations

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "vfe_lightning"
MODULES = sorted(PACKAGE.rglob("*.py"))

# A room imports from itself and from those before it. The parts of one row are one room.
ROOMS = [
    {"errors", "failures", "cluster", "exits", "loading"},
    {"declarations"},
    {"flags"},
    {"calculus"},
    {"units"},
    {"reductions"},
    {"statistics"},
    {"found", "notation", "presentation", "result"},
    {"hamiltonians"},
    {"exact"},
    {"mean_field"},
    {"bijectors"},
    {"generative"},
    {"circuits"},
    {"wavefunctions"},
    {"samplers"},
    {
        "estimate",
        "update",
        "sampled",
        "reporting",
        "evaluation",
        "gibbs_state",
        "finishing",
        "streams",
        "free_energy",
        "selection",
        "known",
        "watch",
    },
    {"estimators"},
    {"optimizers"},
    {"analysis"},
    {"systems"},
    {"tracking"},
    {"averaging"},
    {"devices"},
    {"trainer", "preparation", "agreement"},
    {"run"},
    {"carry_out"},
    {"trained"},
    {"analysing"},
    {"command_line", "usage"},
    {"experiment"},
    {"quoting"},
    {"study", "trial", "__init__"},
    {"__main__"},
]
ORDER = {name: position for position, room in enumerate(ROOMS) for name in room}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_rooms(tree: ast.AST) -> set[str]:
    """The rooms that a module knows of: imports inside functions and for annotations included."""
    rooms: set[str] = set()
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.ImportFrom) and child.module and child.module.split(".")[0] == PACKAGE.name:
            parts = child.module.split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {alias.name for alias in child.names}
        elif isinstance(child, ast.Import):
            names = [alias.name.split(".") for alias in child.names]
            rooms |= {parts[1] for parts in names if parts[0] == PACKAGE.name and len(parts) > 1}
        rooms |= imported_rooms(child)
    return rooms


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    room = room_of(path)
    assert room in ORDER, f"{room} has no place in the order of the rooms: give it one here"
    for other in imported_rooms(ast.parse(path.read_text())):
        assert ORDER[other] <= ORDER[room], f"{path.relative_to(ROOT)} imports {other}, a later room"


def test_the_import_rule_finds_what_it_should():
    code = (
        "from vfe_lightning import reductions\nfrom vfe_lightning.systems.a import b\n"
        "if TYPE_CHECKING:\n    from vfe_lightning.study import Study\n"
        "def f():\n    import vfe_lightning.run\n"
    )
    assert imported_rooms(ast.parse(code)) == {"reductions", "systems", "study", "run"}


def imported_modules(path: Path, modules: Container[str]) -> set[str]:
    """Those of the modules that one names, wherever it does."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {part if part in modules else node.module for part in parts}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_no_module_needs_itself():
    """No circles: not at run time, not inside functions, not for annotations."""
    paths = {dotted(path): path for path in MODULES}
    graph = {name: imported_modules(path, paths) & paths.keys() for name, path in paths.items()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_builders_are_there():
    """What a declaration names as its builder is there, and makes what can be trained."""
    for declaration in map(vars(declarations).get, declarations.__all__):
        if isinstance(declaration, type) and issubclass(declaration, declarations.System):
            if builder := getattr(declaration, "builder", None):
                assert callable(pkgutil.resolve_name(builder)), builder


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_are_short_and_say_what_they_are(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 200, "a module beyond 200 lines wants to be two"
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "no module docstring"


@pytest.mark.parametrize("folder", ["experiments", "studies"])
def test_declarations_of_runs_are_short(folder):
    files = sorted((ROOT / folder).glob("*.py"))
    assert files, f"{folder} is empty"
    for path in files:
        assert len(path.read_text().splitlines()) <= 60, f"{path} is more than a declaration"


def test_no_forgotten_prints_or_globals():
    """No module sets torch's defaults or threads, or the environment, when it is imported."""
    forbidden = {"set_default_dtype", "set_num_threads", "set_default_device", "manual_seed"}
    for path in MODULES:
        for statement in ast.parse(path.read_text()).body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                function = statement.value.func
                name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                assert name not in forbidden, f"{path.relative_to(ROOT)} calls {name} when it is imported"
