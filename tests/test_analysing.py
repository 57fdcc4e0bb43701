"""`python -m vfe_lightning analyse RUN`: tables and figures of a trained electron gas."""

import json
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from contracts import small
from judging import agrees

import vfe_lightning
from vfe_lightning.analysing import checked, sampled, tables
from vfe_lightning.errors import Refused
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.trained import built


@pytest.mark.usefixtures("painted")
def test_a_run_is_analysed(client, home, run_command, monkeypatch):
    monkeypatch.chdir(home)
    few = {
        "trainer.max_steps": 1,
        "trainer.evaluation_batches": 20,
        "occupation.kind": "ideal_gas",
        "theta": 1.0,
    }
    result = small("heg2d", **few).run()
    code, out, err = run_command("analyse", result.run_id[:8], "--states", 100)
    assert code == 0, err
    folder = home / f"analysis-{result.run_id[:8]}"
    tables = {path.stem: pd.read_csv(path) for path in folder.glob("*.csv")}
    assert set(tables) == {"dispersion", "landau", "temperatures", "effective_mass"}
    masses = tables["effective_mass"]
    assert list(masses["route"]) == ["S / S_0", "slope at k_F, local energies", "slope at k_F, -T ln p"]
    assert (masses["m*/m_error"] >= 0).all() and "slope at k_F" in out
    assert masses["m*/m"].iloc[2] == pytest.approx(1, abs=1e-6)  # p is that of the ideal gas
    free = tables["dispersion"]["free"].abs().max()
    trained = vfe_lightning.load(result.run_id)
    assert free < 20 * trained.system.energy_unit * trained.system.temperature  # in Ry, as all the rest
    assert {"theta", "free_energy", "heat_capacity_error"} <= set(tables["temperatures"])
    source = json.loads((folder / "provenance.json").read_text())
    assert source["run"] == result.run_id and source["states"] == 100 and "commit" in source
    assert all((folder / f"{name}.png").stat().st_size > 5000 for name in ("dispersion", "temperatures"))

    code, _, err = run_command("analyse", result.run_id, "--folder", "/dev/null/x")
    assert code == 2 and "cannot be written" in err and len(err.strip().splitlines()) == 1

    found = sampled(trained.system, 100, 2, 64)
    assert found.energies.shape == (100, 2) and found.log_prob.shape == (100,)
    means = found.energies.mean(1) * trained.system.energy_unit / trained.system.size
    error = (means.var() / 100 + result.energy_error**2).sqrt()
    assert agrees(means.mean(), error, result.energy, 100)
    torch.testing.assert_close(found.log_prob, trained.system.log_prob(found.occupied))


def test_both_spins_share_a_dispersion_and_interact_in_two_ways():
    experiment = small("heg2d", **{"occupation.kind": "ideal_gas"}).vary(n_up=2, n_down=2, theta=1.0)
    gas = built(experiment)
    gas.generator = torch.Generator().manual_seed(0)
    found = tables(SimpleNamespace(result=None, experiment=experiment), gas, 100, 2)
    assert set(found["landau"]["spins"]) == {"equal", "opposite"}
    assert found["effective_mass"]["m*/m"].iloc[1] == pytest.approx(1, abs=1e-6)  # of the ideal gas
    ideal = ideal_gas(gas.momenta[: len(gas.momenta) // 2].square().sum(1), 2, 1 / gas.temperature)
    at = found["temperatures"]
    (row,) = at[
        (at["from"] == "-T ln p") & ((at["theta"] / experiment.system.theta - 1).abs() < 1e-9)
    ].itertuples()
    assert agrees(row.entropy, row.entropy_error, 2 * ideal.entropy)


@pytest.mark.parametrize(
    ("name", "states", "walkers", "words"),
    [
        ("ising", 100, 2, "no electron gas"),
        ("heg2d_ground_state", 100, 2, "theta > 0"),
        ("heg2d", 5, 2, "--states = 5 is not allowed: integer >= 100"),
        ("heg2d", 100, 1, "--walkers = 1 is not allowed: integer >= 2"),
    ],
)
def test_what_cannot_be_analysed_is_refused(name, states, walkers, words):
    experiment = small(name)
    with pytest.raises(Refused, match=words):
        checked(SimpleNamespace(system=built(experiment), experiment=experiment), states, walkers)
