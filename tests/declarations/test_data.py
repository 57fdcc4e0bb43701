"""Couplings, fields and Pauli sums: from wherever they come they are one declaration, or a clear refusal."""

import json

import numpy
import pytest
import torch
import yaml
from pydantic import ValidationError

from vfe_lightning import Experiment
from vfe_lightning.command_line import parse
from vfe_lightning.declarations import PairwiseIsing, PauliSpins
from vfe_lightning.declarations.data import shown
from vfe_lightning.errors import Refused

J = [[0.0, 1.0, 0.5], [1.0, 0.0, -2.0], [0.5, -2.0, 0.0]]
TERMS = [[-1.0, "ZZ", [0, 1]], [0.5, "X", [1]]]
BONDS = "i,j,J\n0,1,1\n0,2,.5\n1,2,-2\n"


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "J.csv").write_text("\n".join(",".join(map(str, row)) for row in J))
    (tmp_path / "bonds.csv").write_text(BONDS)
    (tmp_path / "J.json").write_text(json.dumps(J))
    (tmp_path / "both.yaml").write_text(yaml.safe_dump({"J": J, "h": [1, 0, 0]}))
    numpy.save(tmp_path / "J.npy", J)
    numpy.savez(tmp_path / "both.npz", J=J, h=[1, 0, 0])
    (tmp_path / "h.csv").write_text("1\n0\n0\n")
    (tmp_path / "terms.csv").write_text("# c, letters, sites\n-1,ZZ,0 1\n.5,X,1\n")
    (tmp_path / "terms.json").write_text(json.dumps(TERMS))
    return tmp_path


@pytest.mark.parametrize(
    "given",
    [J, numpy.array(J), torch.tensor(J), json.dumps(J), "J.csv", "bonds.csv", "J.json", "both.yaml",
     "J.npy", "both.npz"],
)  # fmt: skip
def test_couplings_are_the_same_wherever_they_are_from(files, given):
    assert PairwiseIsing(J=given, beta=1) == PairwiseIsing(J=J, beta=1)


@pytest.mark.parametrize(
    "given", [[1, 0, 0], numpy.array([1, 0, 0]), "[1, 0, 0]", "h.csv", "both.npz", "both.yaml"]
)
def test_fields_are_the_same_wherever_they_are_from(files, given):
    assert PairwiseIsing(J=J, h=given, beta=1).h == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("given", [TERMS, json.dumps(TERMS), "terms.csv", "terms.json"])
def test_terms_are_the_same_wherever_they_are_from(files, given):
    assert PauliSpins(terms=given).terms == ((-1.0, "ZZ", (0, 1)), (0.5, "X", (1,)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"J": "no.csv"}, "no.csv cannot be read: No such file"),
        ({"J": "J.txt"}, "J.txt is none of .csv"),
        ({"J": [[0, 1], [0.5, 0]]}, r"not symmetric: J\[0\]\[1\] = 1, but J\[1\]\[0\] = 0.5"),
        ({"J": [[1, 0], [0, 0]]}, r"J\[0\]\[0\] = 1: the diagonal must be zero"),
        ({"J": [[0, 1, 2], [1, 0, 2]]}, "a square matrix is wanted: it has 2 rows"),
        ({"J": [[0, float("nan")], [float("nan"), 0]]}, "nan is not finite"),
        ({"J": [["0", "a"], ["a", "0"]]}, "'a' is no number"),
        ({"J": [1, 2]}, "rows of numbers are wanted"),
        ({"J": 3}, "a file or a list is wanted, not 3"),
        ({"J": "[[0, 1"}, "neither JSON nor YAML"),
        ({"h": [1, 2]}, "h is of 2 spins, and J of 3"),
        ({"h": [1, 0, 0], "symmetrize": True}, "not even"),
        ({"J": [[0, 0], [0, 0]]}, "J and h are zero"),
        ({"J": numpy.zeros((401, 401))}, "401 spins are more than the 400"),
    ],
)
def test_couplings_are_refused(files, changes, message):
    with pytest.raises(ValidationError, match=message):
        PairwiseIsing(**({"J": J, "beta": 1} | changes))


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([], "there are no terms"),
        ([[1, "ZZ"]], r'a term is \[coefficient, "XX", \[0, 1\]\], not'),
        ([["a", "Z", [0]]], "'a' is no number"),
        ([[1, "ZA", [0, 1]]], "one of X, Y, Z for each of its sites"),
        ([[1, "Z", [0, 1]]], "one of X, Y, Z for each of its sites"),
        ([[1, "ZZ", [1, 1]]], "at most once in a term"),
        ([[1, "Z", [-1]]], "counted from 0"),
        ([[1, "Z", [0]]], "these terms are 1 spins: 2 to 16 are allowed"),
        ([[1, "Z", [99]]], "these terms are 100 spins"),
    ],
)
def test_terms_are_refused(terms, message):
    with pytest.raises(ValidationError, match=message):
        PauliSpins(terms=terms)


def test_bonds_that_stand_twice_are_refused(files):
    (files / "bonds.csv").write_text(BONDS + "1,0,3\n")
    with pytest.raises(ValidationError, match="the bond 1, 0 is of no two spins, or stands there twice"):
        PairwiseIsing(J="bonds.csv", beta=1)


def test_a_flag_takes_data_or_a_file_and_is_declared_as_values(files):
    glass = Experiment(name="glass", system=PairwiseIsing(J=J, beta=1), batch_size=10)
    found = parse(glass, ["--J", "bonds.csv", "--h", "[1, 0, 0]"]).experiment
    assert found == glass.vary(h=[1, 0, 0]) and found.declared()["J"] == J
    assert glass.redeclared(json.loads(json.dumps(found.declared()))) == found
    (files / "config.yaml").write_text(yaml.safe_dump(found.declared()))
    assert parse(glass, ["--config", "config.yaml"]).experiment == found
    with pytest.raises(Refused, match=r"^J: no\.csv cannot be read"):
        parse(glass, ["--J", "no.csv"])


def test_long_data_are_shown_by_their_hash():
    wide = [[float(i != j) for i in range(20)] for j in range(20)]
    glass = Experiment(name="glass", system=PairwiseIsing(J=wide, beta=1), batch_size=10)
    text = glass.parameters()["J"]
    assert text.startswith("20 x 20 values, sha256 ") and text == shown(wide)
    assert text != glass.vary(J=2 * numpy.array(wide)).parameters()["J"]
    assert shown([1, 2]) == [1, 2] and shown("a") == "a"
