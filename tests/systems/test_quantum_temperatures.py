"""Quantum systems over six decades of temperature: numbers or words, never NaN and never a traceback."""

import math

import pytest
import torch

from vfe_lightning.declarations import (
    Declaration,
    ElectronGas,
    Heisenberg,
    IdealGas,
    Levels,
    QuantumDot,
    Quasiparticle,
    TransverseIsing,
)
from vfe_lightning.errors import NotKnown
from vfe_lightning.exact import relative_spectrum
from vfe_lightning.free_energy import VariationalFreeEnergy

FLOW = {"depth": 1, "width": 4, "pair_width": 4}
TRAP_FLOW = {"velocity": {"kind": "pair", "width": 4}, "steps": 2}
SPINS = {"nx": 1, "ny": 3, "depth": 1, "network": {"kind": "made", "width": 4}}
MIXED = {"kind": "configuration_interaction"}
TRANSFORMER = {"kind": "transformer", "layers": 1, "width": 4, "heads": 2, "hidden": 4}
TEMPERATURES = [10.0**k for k in range(-3, 4)]


def gas(n: int, dim: int, theta: float, **changes) -> ElectronGas:
    """n of spin up, and as many of spin down as is said."""
    return ElectronGas(
        **{"n_up": n, "dim": dim, "rs": 5.0, "theta": theta, "flow": FLOW, "chunk_size": 8} | changes
    )


SYSTEMS = {
    "heg3d": lambda t: gas(7, 3, t, occupation=TRANSFORMER),
    "heg2d": lambda t: gas(5, 2, t, twist=0.25, occupation=Quasiparticle()),
    "heg2d of many twists": lambda t: gas(4, 2, t, twist="average", occupation=TRANSFORMER),
    "two electrons of many twists": lambda t: gas(2, 3, t, twist="average", occupation=Quasiparticle()),
    "one electron of many twists": lambda t: gas(1, 2, t, twist="average", occupation=IdealGas()),
    "metal of a grid of twists": lambda t: gas(
        1, 2, t, n_down=1, twist="monkhorst_pack", occupation=IdealGas()
    ),
    "one electron": lambda t: gas(1, 3, t, twist=0.1, occupation=IdealGas()),
    "two electrons": lambda t: gas(2, 2, t, twist=0.25, occupation=TRANSFORMER),
    "metal": lambda t: gas(3, 2, t, n_down=2, twist=0.25, occupation=TRANSFORMER),
    "one electron of each spin": lambda t: gas(1, 2, t, n_down=1, occupation=Quasiparticle()),
    "mixed plane waves of both spins": lambda t: gas(
        1, 2, t, n_down=1, twist=0.25, occupation=Levels(), base_states=MIXED
    ),
    "mixed plane waves": lambda t: gas(2, 3, t, twist=0.5, occupation=Levels(), base_states=MIXED),
    "dot": lambda t: QuantumDot(n_up=2, z=1.0, beta=1 / t, occupation=TRANSFORMER, flow=TRAP_FLOW),
    "dot of both spins": lambda t: QuantumDot(
        n_up=1, n_down=1, z=1.0, beta=1 / t, occupation=Quasiparticle(), flow=TRAP_FLOW
    ),
    "free dot": lambda t: QuantumDot(n_up=3, z=0, beta=1 / t, occupation=IdealGas(), flow=TRAP_FLOW),
    "mixed dot": lambda t: QuantumDot(
        n_up=2, z=2.0, beta=1 / t, occupation=Levels(), base_states=MIXED, flow=TRAP_FLOW
    ),
    "tfim": lambda t: TransverseIsing(beta=1 / t, **SPINS),
    "heisenberg": lambda t: Heisenberg(beta=1 / t, field=0.1, **SPINS),
    "no coupling": lambda t: Heisenberg(J=0.0, beta=1 / t, **SPINS),
    "peierls": lambda t: TransverseIsing(beta=1 / t, **SPINS | {"network": {"kind": "peierls"}}),
}


@pytest.fixture
def fewer_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to half of the usual energy: known less exactly, with the errors that this has."""
    for cutoffs in relative_spectrum._CUTOFF.values():
        for key, cutoff in cutoffs.items():
            monkeypatch.setitem(cutoffs, key, cutoff / 2)


def built(declaration: Declaration) -> VariationalFreeEnergy | None:
    """None where it is refused, in one line."""
    torch.manual_seed(0)
    try:
        return declaration.build()
    except ValueError as refusal:
        assert any(word in str(refusal) for word in ("temperature", "levels")), refusal
        assert "\n" not in str(refusal)
        return None


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.filterwarnings("ignore:.*the basis is small")
@pytest.mark.usefixtures("fewer_levels")
def test_numbers_or_words(name: str, temperature: float) -> None:
    system = built(SYSTEMS[name](temperature))
    if system is None:
        assert temperature > 1, "only heat needs more orbitals than there can be"
        return
    system.generator = torch.Generator().manual_seed(0)
    try:
        exact = system.reference()
    except NotKnown as reason:
        assert len(str(reason)) > 20
    else:
        if exact.entropy is None:  # levels that cross at some twist are seen by no quadrature in the cold
            assert "many twists" in name and temperature < 0.1
        else:
            check_thermodynamics(exact, system.temperature)
    found = system.landmarks()
    assert all(math.isfinite(f) for f in found.values()), found
    assert system.contained() <= set(found)
    estimate = system.estimate(4)
    for values in (estimate.free_energy, estimate.energy, estimate.entropy):
        assert bool(values.isfinite().all())
    assert bool((estimate.entropy >= -1e-9).all())


def check_thermodynamics(exact, temperature: float) -> None:
    assert all(math.isfinite(x) for x in (exact.free_energy, exact.energy, exact.entropy))
    assert exact.entropy >= -exact.entropy_error - 1e-12
    errors = (exact.free_energy_error, exact.energy_error, temperature * exact.entropy_error)
    assert min(errors) >= 0
    rounding = 1e-14 * (abs(exact.free_energy) + abs(exact.energy))
    difference = exact.energy - temperature * exact.entropy - exact.free_energy
    assert abs(difference) <= sum(errors) + rounding
