"""What a finite basis costs, said before the run: a warning where it was asked for, no run where not."""

import math

from lightning.pytorch.utilities import rank_zero_warn

from vfe_lightning.declarations import (
    ConfigurationInteraction,
    ElectronGas,
    QuantumDot,
    TrapConfigurationInteraction,
)
from vfe_lightning.exact.basis_size import BasisLoss, mixed_plane_wave_loss, plane_wave_loss
from vfe_lightning.exact.oscillator_gas import oscillator_gas
from vfe_lightning.exact.trap_basis_size import mixed_oscillator_loss, oscillator_loss
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.statistics import Moments

SHARE = 0.1  # of the statistical error of F that a basis may cost


def plane_wave_basis(system: VariationalFreeEnergy, cutoff: int) -> BasisLoss:
    """Of an electron gas, checked; see `_check`."""
    d = system.declaration
    assert isinstance(d, ElectronGas)
    if isinstance(d.base_states, ConfigurationInteraction):
        assert isinstance(d.twists, tuple)
        lost = mixed_plane_wave_loss(d.n, d.dim, d.theta, d.twists, d.base_states.cutoff, d.n_down)
        return _check(system, lost, f"--base_states.cutoff {d.base_states.cutoff:g}", declared=True)
    lost = plane_wave_loss(d.n_up, d.dim, d.theta, d.twists, cutoff, d.n_down)
    return _check(system, lost, f"--cutoff {cutoff}", declared=d.cutoff is not None)


def oscillator_basis(system: VariationalFreeEnergy, shells: int) -> BasisLoss:
    """Of a quantum dot, checked; the determinant of a ground state lacks nothing."""
    d = system.declaration
    assert isinstance(d, QuantumDot)
    if math.isinf(d.beta):
        return BasisLoss(0.0, 0.0, 1.0)
    if isinstance(d.base_states, TrapConfigurationInteraction):
        lowest = round(oscillator_gas(d.n_up, d.n_down, math.inf).free_energy)
        lost = mixed_oscillator_loss(d.n_up, d.n_down, d.beta, lowest + d.base_states.cutoff)
        return _check(system, lost, f"--base_states.cutoff {d.base_states.cutoff}", declared=True)
    lost = oscillator_loss(d.n_up, d.n_down, d.beta, shells)
    return _check(system, lost, f"--shells {shells}", declared=d.shells is not None)


def _check(system: VariationalFreeEnergy, lost: BasisLoss, basis: str, declared: bool) -> BasisLoss:
    """Compare what the basis costs an ideal gas with what a run resolves.

    Args:
        basis: the flag that sets it, with its value.
        declared: it was asked for, and is taken as it is.

    Raises:
        ValueError: it was chosen by the temperature, and the largest that is affordable does not do.
    """
    loss = f"{basis} {_loss(system, lost)}"
    if declared and lost.noticeable:
        rank_zero_warn(f"the basis is small for this temperature: {loss}; raise it")
    elif not declared and not lost.enough:
        raise ValueError(
            f"so high a temperature needs more orbitals than are affordable: {loss}; lower it, or pass "
            f"{basis} to take it as it is"
        )
    return lost


def basis_alarms(system: VariationalFreeEnergy, lost: BasisLoss) -> dict[str, str]:
    """The same for the results of a run, whose error is known by now: a tenth of it may be lost."""
    known = system.evaluation.get("free_energy")
    if known is None or lost.free_energy * system.reporting.unit <= SHARE * known.error.item():
        return {}
    return {"small_basis": f"the basis {_loss(system, lost)}: raise its cutoff, or leave it out"}


def basis_numbers(system: VariationalFreeEnergy, lost: BasisLoss) -> dict[str, Moments]:
    """What the basis costs the ideal gas, F above and S below, as it is reported."""
    reporting = system.reporting
    free_energy, entropy = lost.free_energy * reporting.unit, lost.entropy / system.size
    return {
        "basis_free_energy": Moments.exactly(free_energy).measured_in(*reporting.of_energies),
        "basis_entropy": Moments.exactly(entropy).measured_in(*reporting.of_entropies),
    }


def _loss(system: VariationalFreeEnergy, lost: BasisLoss) -> str:
    return (
        f"costs the ideal gas {lost.free_energy * system.reporting.unit:.2g} {system.units} of F "
        f"and {lost.entropy / system.size:.2g} k_B of S per {system.per}"
    )
