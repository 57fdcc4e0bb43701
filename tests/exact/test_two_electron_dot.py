"""Two electrons in a trap against closed forms, tabulated values and the oscillator."""

import csv
import math
from pathlib import Path

import pytest

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.oscillator_gas import oscillator_gas
from vfe_lightning.exact.two_electron_dot import ground_state, relative_levels, two_electron_dot

TABLE = Path(__file__).parents[3] / "shared" / "reference" / "quantum_dot.csv"


@pytest.mark.parametrize("m", range(5))
def test_levels_in_closed_form(m: int) -> None:
    """Z^2 = 2 |m| + 1 has a polynomial solution of energy |m| + 2: Taut (1994)."""
    assert relative_levels(m, math.sqrt(2 * m + 1), 20.0)[0] == pytest.approx(m + 2, abs=1e-10)
    assert relative_levels(-m, 0.7, 20.0) == relative_levels(m, 0.7, 20.0)


@pytest.mark.parametrize("m", range(4))
def test_free_levels(m: int) -> None:
    levels = relative_levels(m, 0.0, 30.0)
    assert levels == pytest.approx([m + 1 + 2 * k for k in range(len(levels))], abs=1e-8)
    assert levels[-1] > 27.9


def test_singlet_and_polarised_ground_states() -> None:
    assert ground_state(1.0, same_spin=False) == pytest.approx(3, abs=1e-10)
    assert ground_state(math.sqrt(3), same_spin=True) == pytest.approx(4, abs=1e-10)


@pytest.mark.skipif(not TABLE.exists(), reason="needs the shared reference values")
def test_tabulated_values() -> None:
    with TABLE.open() as file:
        rows = [r for r in csv.DictReader(file) if r["source"] == "exact_radial" and r["spin"] == "polarised"]
    assert len(rows) >= 9
    for row in rows:
        found = two_electron_dot(float(row["Z"]), float(row["beta"]), same_spin=True)
        assert found.energy == pytest.approx(float(row["E"]), abs=2e-8)
        if row["S"]:
            assert found.free_energy == pytest.approx(float(row["F"]), abs=2e-8)
            assert found.entropy == pytest.approx(float(row["S"]), abs=2e-8)


@pytest.mark.parametrize("same_spin", [True, False])
@pytest.mark.parametrize("beta", [0.8, 3.0, math.inf])
def test_without_interaction_it_is_the_ideal_gas(same_spin: bool, beta: float) -> None:
    found = two_electron_dot(0.0, beta, same_spin)
    free = oscillator_gas(2 if same_spin else 1, 0 if same_spin else 1, beta)
    for name in ("free_energy", "energy", "entropy"):
        assert getattr(found, name) == pytest.approx(getattr(free, name), abs=1e-8)


def test_the_energy_is_the_slope_of_the_free_energy() -> None:
    h = 1e-3
    up, here, down = (two_electron_dot(2.0, 2.0 + s * h, same_spin=False) for s in (1, 0, -1))
    slope = ((2 + h) * up.free_energy - (2 - h) * down.free_energy) / (2 * h)
    assert here.energy == pytest.approx(slope, abs=1e-6)
    assert here.free_energy == pytest.approx(here.energy - here.entropy / 2, abs=1e-12)


def test_too_hot_is_refused() -> None:
    with pytest.raises(NotKnown, match="too many"):
        two_electron_dot(1.0, 0.01, same_spin=True)


@pytest.mark.parametrize(
    ("n", "expected"),
    [(3, (4.61138638, 5.77315087, 2.32352898)), (6, (13.32389820, 15.24998091, 3.85216541))],
)
def test_published_values_of_the_ideal_gas(n: int, expected: tuple[float, ...]) -> None:
    gas = oscillator_gas(n, 0, 2.0)
    assert (gas.free_energy, gas.energy, gas.entropy) == pytest.approx(expected, abs=1e-7)
    both = oscillator_gas(n, n, 2.0)
    assert both.free_energy == pytest.approx(2 * gas.free_energy)


def test_ground_state_of_the_ideal_gas_is_its_cold_limit() -> None:
    cold = oscillator_gas(4, 2, 60.0)
    ground = oscillator_gas(4, 2, math.inf)
    assert ground.energy == ground.free_energy == 8 + 3
    assert cold.energy == pytest.approx(ground.energy, abs=1e-10)
