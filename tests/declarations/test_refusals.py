"""Declarations refuse what makes no physics, and say what is allowed; they do not import torch."""

import subprocess
import sys

import pytest
from pydantic import BaseModel, ValidationError

from vfe_lightning import declarations
from vfe_lightning.declarations import ElectronGas, Transformer
from vfe_lightning.hamiltonians.periodic_box import plane_waves

GOOD = {"n": 7, "dim": 2, "rs": 1.0, "theta": 0.5, "cutoff": 4}


def test_the_good_one_is_accepted_and_frozen():
    d = ElectronGas(**GOOD)
    with pytest.raises(ValidationError, match="frozen"):
        d.rs = 2.0
    assert ElectronGas.model_validate_json(d.model_dump_json()) == d


def test_json_tells_no_count_that_follows_from_others():
    """So that records of the polarised gas stay as they were."""
    assert {"n"} == {name for name in ElectronGas(**GOOD).model_dump() if name.startswith("n")}
    both = ElectronGas(**(GOOD | {"n": 7, "n_down": 3}))
    assert {"n_up": 4, "n_down": 3}.items() <= both.model_dump().items() and "n" not in both.model_dump()
    assert ElectronGas.model_validate_json(both.model_dump_json()) == both


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rs": -1}, "rs\n.*greater than 0"),
        ({"rs": 0}, "rs\n.*greater than 0"),
        ({"rs": float("nan")}, "rs\n.*finite"),
        ({"rs": float("inf")}, "rs\n.*finite"),
        ({"theta": -0.1}, "theta\n.*greater than or equal to 0"),
        ({"theta": 0}, "theta must be > 0 for a thermal occupation model.*fermi_sea"),
        ({"theta": 0, "occupation": {"kind": "ideal_gas"}}, "theta must be > 0"),
        ({"occupation": {"kind": "fermi_sea"}}, "fermi_sea is the ground state, theta = 0, but theta = 0.5"),
        ({"n": 14}, "n = 14 electrons need at least 14 orbitals, but cutoff = 4 gives 13"),
        ({"n": 0}, "n\n.*greater than 0"),
        ({"n": 2.5}, "n\n.*integer"),
        ({"n": 7, "n_up": 4, "n_down": 4}, r"n = 7 is not n_up \+ n_down = 4 \+ 4"),
        ({"n": 7, "n_down": 7}, "n_up\n.*greater than 0"),
        ({"n": None}, "n\n.*greater than 0"),
        ({"n": None, "n_up": 3, "n_down": 14}, "n_down = 14 electrons need at least 14 orbitals"),
        ({"dim": 1}, "dim\n.*2 or 3"),
        ({"twist": 0.6}, "twist\n.*less than or equal to 0.5"),
        ({"rss": 1.0}, "rss\n.*not permitted"),
        ({"flow": {"dpeth": 2}}, "flow.dpeth\n.*not permitted"),
        ({"flow": {"depth": 0}}, "flow.depth\n.*greater than 0"),
        ({"occupation": {"kind": "transformer", "heads": 3}}, "width = 16 is not a multiple of heads = 3"),
        ({"occupation": {"kind": "made"}}, "expected tags.*fermi_sea.*transformer"),
        ({"sampler": {"kind": "metropolis", "steps": 0}}, "steps\n.*greater than 0"),
        ({"walkers_per_state": 0}, "walkers_per_state\n.*greater than 0"),
        ({"base_states": {"kind": "configuration_interaction"}, "occupation": {"kind": "levels"}},
         "is for n = 2 or 3 electrons, not 7"),
        ({"n": 3, "n_down": 2, "base_states": {"kind": "configuration_interaction"},
          "occupation": {"kind": "levels"}}, "no more than one electron of spin down, not 2"),
        ({"base_states": {"kind": "configuration_interaction"}}, "go together"),
        ({"flow": {"centred": True}, "n": None, "n_up": 3, "n_down": 1}, "the only electron of a spin"),
        ({"occupation": {"kind": "levels"}}, "go together"),
        ({"base_states": {"kind": "ci"}}, "expected tags.*determinants.*configuration_interaction"),
        ({"clip": 0}, "clip\n.*greater than 0"),
    ],
)  # fmt: skip
def test_refusals_name_the_field_and_what_is_allowed(changes, message):
    with pytest.raises(ValidationError, match=message):
        ElectronGas(**(GOOD | changes))


def test_heads_divide_the_width():
    assert Transformer(width=12, heads=3).heads == 3
    with pytest.raises(ValidationError, match="not a multiple"):
        Transformer(width=8, heads=3)


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_momentum_is_a_share(momentum):
    with pytest.raises(ValidationError, match="momentum"):
        declarations.TrustRegion(momentum=momentum)


@pytest.mark.parametrize(("dim", "cutoff"), [(2, 1), (2, 25), (2, 36), (2, 49), (3, 9), (3, 14)])
def test_orbitals_are_counted_as_they_are_made(dim, cutoff):
    d = ElectronGas(**(GOOD | {"n": 2, "dim": dim, "cutoff": cutoff}))
    assert d.orbitals == len(plane_waves(dim, cutoff, (0.0,) * dim))


def all_declarations() -> list[type[BaseModel]]:
    made = [getattr(declarations, name) for name in declarations.__all__]
    return [m for m in made if isinstance(m, type) and issubclass(m, BaseModel)]


@pytest.mark.parametrize("model", all_declarations(), ids=lambda m: m.__name__)
def test_every_declaration_describes_itself(model):
    assert model.__doc__
    assert model.model_config["frozen"] is True
    assert model.model_config["extra"] == "forbid"
    for name, info in model.model_fields.items():
        assert name == "kind" or info.description, f"{model.__name__}.{name} has no description"


def test_the_room_imports_neither_torch_nor_lightning():
    code = "import sys, vfe_lightning.declarations; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "pydantic" in loaded
    assert not loaded & {"torch", "lightning", "mlflow", "optuna", "numpy", "matplotlib", "pandas"}


@pytest.mark.parametrize("word", ["none", "null"])
def test_none_is_said_in_words_where_a_field_may_be_none(word):
    assert ElectronGas.model_validate(GOOD | {"cutoff": word}).cutoff is None
    with pytest.raises(ValidationError, match="rs"):
        ElectronGas.model_validate(GOOD | {"rs": word})
