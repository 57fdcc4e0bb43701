"""The watch on the bound: what contradicts what is told, and nothing else."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfe_lightning.gibbs_state import EXACT
from vfe_lightning.result import Result
from vfe_lightning.watch import alarms

T = 0.5
GOOD = Result(
    "FINISHED", "id", "gas", {}, 1.0, size=7, units="Ry", per="electron", steps=10, parameters="mean",
    free_energy=-1.0, free_energy_error=0.01, energy=-0.5, energy_error=0.02, entropy=1.0, entropy_error=0.04,
    reference_free_energy=-1.02, reference_free_energy_error=0.0, excess=0.02,
    landmarks={"Hartree-Fock": -0.9, "Bethe": -1.1, "lost": math.nan},
    observables={
        "importance_free_energy": {"value": -1.02, "error": 0.01, "units": "Ry", "per": "electron"},
        "effective_sample_size": {"value": 0.5, "error": 0.0, "units": "", "per": ""},
    },
)  # fmt: skip
CONTAINED = {"Hartree-Fock", "lost"}


def told(result: Result, samples: int = 1000) -> set[str]:
    return set(alarms(result, T, CONTAINED, samples))


def measured(name: str, **changes: float) -> dict[str, dict]:
    known = dict(GOOD.observables or {})
    return known | {name: known[name] | changes}


def both_sides(value: float) -> dict[str, dict]:
    number = {"value": value, "error": 0.02, "units": "Ry", "per": "electron"}
    return dict(GOOD.observables or {}) | {"bennett_free_energy": number}


def compared(mean: float, start: float) -> dict[str, dict]:
    number = {"error": 0.024, "units": "Ry", "per": "electron"}
    return {"mean": number | {"value": mean}, "start": number | {"value": start}}


def below(excess: float, **changes: float | None) -> Result:
    return replace(GOOD, excess=excess, **changes)


def test_good_numbers_raise_no_alarm():
    assert told(GOOD) == told(replace(GOOD, verdict=EXACT)) == set()
    assert told(Result("FAILED", None, "gas", {}, 1.0)) == set()


@pytest.mark.parametrize(
    ("result", "name"),
    [
        (below(-0.05), "below_exact"),
        (below(-1e-6, free_energy_error=0.0), "below_exact"),
        (replace(GOOD, entropy=1.3), "not_f_of_e_and_s"),
        (replace(GOOD, observables=measured("importance_free_energy", value=-1.08)), "importance_off"),
        (
            replace(GOOD, reference_free_energy=None, excess=None, observables=both_sides(-1.2)),
            "importance_off",
        ),
        (replace(GOOD, observables=measured("effective_sample_size", value=0.02)), "few_samples"),
        (replace(GOOD, verdict="not exact: x moves on in the Gibbs state"), "gibbs_state_missed"),
        (replace(GOOD, parameters="start", candidates=compared(-1.0, -1.2)), "not_below_start"),
        (replace(GOOD, landmarks={"Hartree-Fock": -1.05}), "above_landmark"),
    ],
)
def test_each_contradiction_is_told(result, name):
    found = alarms(result, T, CONTAINED, 1000)
    assert set(found) == {name}
    assert len(found[name].splitlines()) == 1


@pytest.mark.parametrize(
    "result",
    [
        below(-0.03),  # three errors
        below(-0.05, reference_free_energy_error=0.02),  # the bound of the reference is off first
        below(-1e-13, free_energy_error=0.0),  # rounding
        replace(GOOD, parameters="start", candidates=compared(-1.0, -1.2), steps=0),  # not trained at all
        replace(GOOD, parameters="start", candidates=compared(-1.0, -1.1)),  # three errors
        replace(GOOD, observables=both_sides(-1.1)),  # 3.6 errors of the two
        replace(GOOD, landmarks={"Bethe": -1.5}),  # no state of the ansatz
    ],
)
def test_what_errors_explain_is_not_told(result):
    assert told(result) == set()


@given(
    f=st.floats(-1e6, 1e6),
    s=st.floats(0, 1e3),
    error=st.floats(0, 10),
    exponent=st.integers(-6, 6),
)
def test_the_identity_of_f_e_and_s_holds_to_rounding(f, s, error, exponent):
    temperature = 10.0**exponent
    result = replace(
        GOOD, free_energy=f, free_energy_error=error, energy=f + temperature * s, energy_error=error,
        entropy=s, entropy_error=0.0, reference_free_energy=None, excess=None, landmarks=None,
        observables=None,
    )  # fmt: skip
    assert not alarms(result, temperature, (), 1000)
