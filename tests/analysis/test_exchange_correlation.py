"""The published parametrisation of f_xc against its table, and against limits that are known otherwise."""

import csv
import math
from pathlib import Path

import pytest

from vfe_lightning.analysis.exchange_correlation import POLARISED, UNPOLARISED, exchange, published
from vfe_lightning.exact.infinite_gas import InfiniteGas

TABLE = Path(__file__).parents[2].parent / "shared" / "reference" / "fxc_gdsmfb.csv"


def test_the_table_that_was_made_of_it():
    if not TABLE.exists():
        pytest.skip("no table of reference values beside the project")
    lines = TABLE.read_text().splitlines()
    rows = list(csv.DictReader(lines[lines.index("xi,rs,theta,fxc_Ry") :]))
    assert len(rows) == 160
    for row in rows:
        fit = POLARISED if row["xi"] == "1" else UNPOLARISED
        found = fit.free_energy(float(row["rs"]), float(row["theta"]))
        assert found == pytest.approx(float(row["fxc_Ry"]), rel=2e-7, abs=1e-8)


@pytest.mark.parametrize("theta", [0.01, 0.2, 1.0, 5.0])
def test_its_exchange_is_that_of_the_ideal_gas(theta):
    exact = InfiniteGas(3, (0.5, 0.5), theta).exchange
    assert -2 * exchange(theta) == pytest.approx(exact, rel=0.01)
    assert 1e-6 * UNPOLARISED.free_energy(1e-6, theta) == pytest.approx(exact, rel=0.01)
    assert 1e-6 * POLARISED.free_energy(1e-6, theta) == pytest.approx(2 ** (1 / 3) * exact, rel=0.02)


def test_its_ground_state_is_that_of_diffusion_monte_carlo():
    """Sodium: e_c = -0.0641 Ry, as Perdew & Zunger, PRB 23, 5048 (1981), fit Ceperley & Alder."""
    assert UNPOLARISED.free_energy(4.0, 1e-3) == pytest.approx(-0.9163306 / 4 - 0.0641, rel=5e-3)


def test_it_is_of_one_spin_or_of_equally_many_in_space():
    assert published(3, 7, 7, 1.0, 0.5) == UNPOLARISED.free_energy(1.0, 0.5)
    assert published(3, 7, 0, 1.0, 0.5) == POLARISED.free_energy(1.0, 0.5)
    assert math.isnan(published(3, 7, 6, 1.0, 0.5)) and math.isnan(published(2, 7, 7, 1.0, 0.5))
