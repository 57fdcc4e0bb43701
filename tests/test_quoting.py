"""What the pages quote is data: rows are read off runs, and tables are made of them."""

import json
from functools import partial

import pandas as pd
import pytest
from toy import toy

from experiments.quantum_dot_ground_state import quantum_dot_ground_state
from experiments.tfim import tfim
from vfe_lightning import quoting
from vfe_lightning.analysis import catalogue
from vfe_lightning.analysis.pages import filled
from vfe_lightning.command_line import parse
from vfe_lightning.errors import Refused
from vfe_lightning.notation import with_error
from vfe_lightning.quoting import arguments
from vfe_lightning.tracking.artifacts import artifact
from vfe_lightning.tracking.places import DECLARATION
from vfe_lightning.tracking.record import Record

QUIET = toy.vary(**{"trainer.progress_bar": False})
PAGE = "# Toy\n\n<!-- results: toy -->\n<!-- end -->\n"


@pytest.fixture
def checkout(home, monkeypatch):
    """A project whose only experiment is the toy."""
    (home / "experiments").mkdir()
    (home / "experiments" / "toy.py").write_text("from toy import toy\n")
    (home / "experiments" / "README.md").write_text(PAGE)
    monkeypatch.setattr(quoting, "checkout", lambda: home)
    return home


@pytest.fixture
def results(checkout, run_command):
    return partial(run_command, "results")


def rows(checkout) -> pd.DataFrame:
    words = dict.fromkeys(("run", "commit"), "str")  # 159e56529532 is no number
    return pd.read_csv(checkout / "experiments" / "results.csv", dtype=words)


def test_a_run_is_quoted_with_where_it_comes_from(client, checkout, results):
    path = checkout / "hot.json"
    cold, hot = QUIET.run(), QUIET.vary(temperature=0.75).run(json=path)
    assert results("--add", cold.run_id[:8], path)[0] == 0
    found = rows(checkout)
    assert list(found["run"]) == [cold.run_id, hot.run_id]
    assert list(found["arguments"].fillna("")) == ["", "--temperature 0.75"]
    assert list(found["free_energy"]) == [cold.free_energy, hot.free_energy]
    assert list(found["reference_free_energy"]) == [cold.reference_free_energy, hot.reference_free_energy]
    assert list(found["steps"]) == [20, 20] and found["seconds"][1] == round(hot.seconds, 1)
    assert found["commit"].str.fullmatch("[0-9a-f]{12}[+]?").all() and set(found["device"]) == {"cpu"}
    page = (checkout / "experiments" / "README.md").read_text()
    assert f"| `toy --temperature 0.75` | {with_error(hot.free_energy, hot.free_energy_error)} |" in page
    assert results("--check")[0] == 0


def test_another_run_of_the_same_takes_its_place(client, checkout, results):
    first = QUIET.run()
    second = QUIET.vary(**{"trainer.checkpoint_every": 7}).run()  # which changes no number
    for run in (first, second, second):
        assert results("--add", run.run_id)[0] == 0
    assert list(rows(checkout)["run"]) == [second.run_id]


def test_a_page_that_was_typed_is_told(client, checkout, results):
    results("--add", QUIET.run().run_id)
    page = checkout / "experiments" / "README.md"
    good = page.read_text()
    page.write_text(good.replace("| `toy` | ", "| `toy` | -"))
    code, out, err = results("--check")
    assert code == 2 and "experiments/README.md" in out and "vfe_lightning results" in err
    assert results()[0] == 0 and page.read_text() == good


def test_a_field_that_came_later_has_the_value_that_keeps_what_was(client, checkout, results):
    """That of its class, which says so in the arguments, and not what the experiment has by now."""
    run = QUIET.run()
    path = artifact(client.get_run(run.run_id), DECLARATION)
    record = json.loads(path.read_text())
    del record["optimizer"]["learning_rate"]
    path.write_text(json.dumps(record))
    assert results("--add", run.run_id)[0] == 0
    assert list(rows(checkout)["arguments"]) == ["--optimizer.learning_rate 0.001"]
    path.write_text(json.dumps(record | {"gone": 1}))
    code, _, err = results("--add", run.run_id)
    assert code == 2 and "is not of toy by now: there is no gone" in err
    assert len(err.strip().splitlines()) == 1


def test_what_is_not_quoted(client, checkout, results):
    running = Record.start(QUIET).run_id
    (checkout / "empty.json").touch()
    for argv, words in {
        ("nothing",): "no run nothing",
        (running,): "only numbers of finished runs",
        ("empty.json",): "holds no results",
        (QUIET.vary(name="tou").run().run_id,): "did you mean toy?",
    }.items():
        code, _, err = results("--add", *argv)
        assert code == 2 and words in err and len(err.strip().splitlines()) == 1
    assert not (checkout / "experiments" / "results.csv").exists()


def test_a_column_that_came_later(client, checkout, results):
    """Rows of before have nothing there, and the table shows it as soon as one has."""
    results("--add", QUIET.run().run_id)
    path = checkout / "experiments" / "results.csv"
    rows(checkout).drop(columns=["smc_free_energy", "smc_free_energy_error"]).to_csv(path, index=False)
    (before,) = catalogue.read(path)
    assert "Monte Carlo" not in catalogue.table([before])
    after = {**before, "arguments": "--T 1", "smc_free_energy": -1.25, "smc_free_energy_error": 0.5}
    assert "| F by sequential Monte Carlo |" in (table := catalogue.table([before, after]))
    assert "| -1.25(50) |" in table
    catalogue.write(path, [before], [after])
    assert [r["smc_free_energy"] for r in catalogue.read(path)][1] == -1.25


def test_pages_name_what_there_is():
    with pytest.raises(Refused, match="did you mean toy"):
        filled(PAGE.replace("toy", "tou"), [], ["toy"])
    with pytest.raises(Refused, match="not closed"):
        filled(PAGE.replace("<!-- end -->", ""), [], ["toy"])


@pytest.mark.parametrize(
    ("experiment", "line"),
    [
        (tfim, ""),
        (tfim, "--nx 2 --gamma 0.5 --periodic true --lattice triangular --seed 3"),
        (tfim, "--network.kind made --network.width 8 --optimizer.kind adam --optimizer.learning_rate 0.02"),
        (tfim, "--annealing.kind none --trainer.max_steps 100"),
        (quantum_dot_ground_state, "--n_up 1 --n_down 1 --z 1"),
        (quantum_dot_ground_state, "--base_states.kind determinants --flow.velocity.kind message_passing"),
    ],
)
def test_arguments_are_those_of_the_command_line(experiment, line):
    meant = parse(experiment, line.split()).experiment
    words = arguments(experiment, meant.parameters())
    assert parse(experiment, words).experiment == meant
    assert sorted(words) == sorted(line.split())
