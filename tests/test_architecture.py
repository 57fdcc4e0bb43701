"""The house keeps its order: imports point one way, files stay short, declarations stay light."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "vfe_lightning"
MODULES = sorted(PACKAGE.rglob("*.py"))

# A room imports from itself and from those before it. The parts of one row are one room.
ROOMS = [
    {"errors", "failures"},
    {"declarations"},
    {"calculus"},
    {"units"},
    {"reductions"},
    {"statistics"},
    {"result", "notation", "presentation"},
    {"hamiltonians"},
    {"exact"},
    {"mean_field"},
    {"bijectors"},
    {"generative"},
    {"circuits"},
    {"wavefunctions"},
    {"samplers"},
    {"estimate", "reporting", "evaluation", "streams", "free_energy", "selection", "known", "watch"},
    {"estimators"},
    {"optimizers"},
    {"analysis"},
    {"systems"},
    {"tracking"},
    {"averaging"},
    {"experiment", "command_line", "usage", "run", "preparation", "trainer"},
    {"study", "trial", "__init__"},
    {"__main__"},
]
# What a room knows of a later one: its name in an annotation, never at run time.
ORDER = {name: position for position, room in enumerate(ROOMS) for name in room}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def names_a_type_only(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imported_rooms(tree: ast.AST) -> set[str]:
    """The rooms that a module needs at run time, imports inside functions included."""
    rooms: set[str] = set()
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and names_a_type_only(child):
            continue
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
    assert imported_rooms(ast.parse(code)) == {"reductions", "systems", "run"}


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
