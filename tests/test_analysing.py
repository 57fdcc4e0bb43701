"""`python -m vfe_lightning analyse RUN`: tables and figures of a trained electron gas."""

import json
import math
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from contracts import small
from judging import agrees, not_below
from small_gas import small_gas

import vfe_lightning
from vfe_lightning.analysing import checked, tables
from vfe_lightning.analysing.electron_tables import electron_tables, squared_mean
from vfe_lightning.analysing.sampling import moved, orbitals_of, sampled
from vfe_lightning.errors import Refused
from vfe_lightning.exact.hartree_fock import hartree_fock
from vfe_lightning.exact.ideal_gas import ideal_gas
from vfe_lightning.statistics import Moments
from vfe_lightning.trained import built


@pytest.mark.usefixtures("painted_at_last")
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
    of_quasi_particles = {"dispersion", "landau", "temperatures", "effective_mass"}
    of_electrons = {"properties", "momentum_distribution", "structure_factor", "displacements"}
    assert set(tables) == of_quasi_particles | of_electrons | {"finite_size"}
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
    drawn = {"dispersion", "temperatures", "momentum_distribution", "structure_factor", "displacements"}
    assert {path.stem for path in folder.glob("*.png") if path.stat().st_size > 5000} == drawn
    assert "chemical potential" in out
    limit = tables["finite_size"].iloc[-1]
    assert limit["entropy"] > result.entropy and math.isinf(limit["n"])  # a small box has fewer states

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


FREE = {"width": 4, "pair_width": 4, "init_scale": 1e-9}  # a flow that is the identity, for all that is seen
IDEAL = {"n": 4, "theta": 0.5, "flow": FREE, "occupation": {"kind": "ideal_gas"}}
STATES = 600


@pytest.mark.parametrize(("dim", "cutoff", "twist"), [(2, 9, 0.25), (3, 6, 0.0)])
def test_free_electrons_have_the_exact_occupation_and_pressure(dim, cutoff, twist):
    gas = small_gas(**IDEAL, dim=dim, cutoff=cutoff, twist=twist)
    found, electrons = sampled(gas, STATES, 2, 400), moved(gas, STATES, 2, 400)
    made = electron_tables(None, gas, found, electrons)
    ideal = ideal_gas(gas.momenta.square().sum(1), 4, 1 / gas.temperature)
    k = orbitals_of(gas).k
    same = (torch.cdist(k, gas.momenta) < 1e-3).double()
    raw = Moments.of(electrons.numbers)
    assert agrees(raw.mean[0], raw.error[0], same @ ideal.occupations, STATES)

    rows = made["momentum_distribution"]
    assert (rows["n"] - rows["occupation"]).abs().max() < 1e-6  # the control knows all of the noise
    assert rows["Z"].notna().sum() > 2 and (rows["Z"].dropna() - 1).abs().max() < 1e-6
    number = {row.name: row for row in made["properties"].itertuples(index=False)}
    hf = hartree_fock(4, dim, 5.0, 0.5, twist, cutoff)
    pressure = (2 * hf.kinetic + hf.potential) / dim
    exact = {"pressure / n": pressure, "chemical potential": hf.free_energy + pressure}
    for name, value in exact.items():
        assert agrees(number[name].value, number[name].error, value * gas.energy_unit / 4, STATES)
    assert number["displacement"].value < 1e-6
    assert number["Z"].value == pytest.approx(1, abs=1e-6)


def test_the_ground_state_of_free_electrons_jumps_by_one():
    sea = {"n": 5, "theta": 0.0, "twist": 0.0, "cutoff": 1, "occupation": {"kind": "fermi_sea"}}
    gas = small_gas(**IDEAL | sea)
    made = tables(SimpleNamespace(result=None, experiment=SimpleNamespace(batch_size=200)), gas, 150, 2)
    number = made["properties"].set_index("name")["value"]
    assert number["Z"] == pytest.approx(1, abs=1e-6)
    assert number["fidelity of determinants"] == pytest.approx(1, abs=1e-6)
    assert set(made) == {"properties", "momentum_distribution", "structure_factor", "displacements"}
    assert made["structure_factor"]["random_phase"].isna().all()


def test_correlation_makes_the_jump_smaller():
    """The sum of n(k) up to some k is below N, Z below one, and Psi_K is not the determinant any more."""
    gas = small_gas(**IDEAL, cutoff=9)
    with torch.no_grad():
        for p in gas.wavefunction.parameters():
            p.copy_(0.9 * torch.arange(p.numel(), dtype=p.dtype).sin().view_as(p))
    found, electrons = sampled(gas, STATES, 2, 400), moved(gas, STATES, 2, 400)
    number = electron_tables(None, gas, found, electrons)["properties"].set_index("name")
    z, fidelity = (number.loc[name] for name in ("Z", "fidelity of determinants"))
    for share in (z, fidelity):
        assert share["value"] + 3 * share["error"] < 1  # by eight of them
    assert number["value"]["displacement"] > 0.05
    total = Moments.of(electrons.numbers.sum(dim=(1, 2)))
    assert not_below(4.0, total.error, total.mean, STATES)


def test_a_square_of_a_mean_from_pairs_has_no_bias():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(20000, 3, 2, generator=generator, dtype=torch.float64)
    w = torch.view_as_complex(noise) + (0.3 - 0.4j)
    found = Moments.of(squared_mean(w))
    assert agrees(found.mean, found.error, 0.25, 20000)


@pytest.mark.parametrize(
    ("name", "states", "walkers", "words"),
    [
        ("ising", 100, 2, "no electron gas"),
        ("heg_exact", 100, 2, "only determinants"),
        ("heg2d", 5, 2, "--states = 5 is not allowed: integer >= 100"),
        ("heg2d", 100, 1, "--walkers = 1 is not allowed: integer >= 2"),
    ],
)
def test_what_cannot_be_analysed_is_refused(name, states, walkers, words):
    mixed = {"base_states.kind": "configuration_interaction", "occupation.kind": "levels", "n": 2}
    experiment = small(name, **(mixed if name == "heg_exact" else {}))
    with pytest.raises(Refused, match=words):
        checked(SimpleNamespace(system=built(experiment), experiment=experiment), states, walkers)
