"""The list of runs is read without MLflow, and says the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import died
from toy import toy

from vfe_lightning.analysis.runs import listed, text
from vfe_lightning.errors import Refused
from vfe_lightning.tracking import store
from vfe_lightning.tracking.filing import Filing
from vfe_lightning.tracking.listing import rows
from vfe_lightning.tracking.record import Record

QUIET = toy.vary(**{"trainer.progress_bar": False})


@pytest.fixture
def recorded(client):
    """A run of now, one of an earlier version, one that failed, and one of which nothing is known yet."""
    now, early, failed, _ = (Record.start(QUIET, Filing("toy", name)) for name in "abcd")
    now.tag({"units": "J", "per": "spin"})
    for record, prefix in ((now, "_quoted/"), (early, "final/"), (failed, "")):
        last = record.metrics if record is early else record.curves
        last([(7, 0, {"free_energy": -9.0, "free_energy_error": 3.0})])
        if prefix:
            values = {
                "free_energy": -1.0,
                "free_energy_error": 0.01,
                "reference_free_energy": -1.1,
                "excess": 0.1,
            }
            record.metrics([(7, 0, {prefix + name: value for name, value in values.items()})])
            record.end("FINISHED")
    failed.end("FAILED")
    return client


def test_sqlite_and_mlflow_say_the_same(recorded):
    found = {row.parameters: row for row in rows(store.tracking_uri(), None, None)}
    assert found == {row.parameters: row for row in listed(recorded)}
    assert (found["a"].F, found["a"].error, found["a"].excess) == (found["b"].F, 0.01, found["b"].excess)
    assert (found["a"].F, found["c"].F, found["d"].F) == (-1.0, -9.0, None) and found[
        "a"
    ].units == "J per spin"
    lines = text(list(found.values())).splitlines()
    assert any("-1.000(10)" in line and "0.100(10)" in line for line in lines)
    assert len(rows(store.tracking_uri(), "toy", 2)) == 2
    with pytest.raises(Refused, match="did you mean toy"):
        rows(store.tracking_uri(), "tou", None)


def test_a_run_that_died_is_marked_when_it_is_listed(client):
    died(client, Record.start(QUIET).run_id)
    [row] = rows(store.tracking_uri(), None, None)
    assert row.status == "KILLED"


def test_the_list_is_light(recorded, home):
    code = (
        "import sys; sys.argv[1:] = ['runs']\n"
        "from vfe_lightning.__main__ import main\n"
        "main()\n"
        "assert not {'torch', 'mlflow', 'pandas', 'matplotlib', 'optuna'} & set(sys.modules)"
    )
    environment = os.environ | {"VFE_HOME": str(home)}
    recorded.set_terminated(recorded.search_runs(["1"], "attributes.status = 'RUNNING'")[0].info.run_id)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5
