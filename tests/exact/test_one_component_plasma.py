"""The classical plasma: two ions, the infinite one, its crystal, and the motion of nuclei."""

import math

import pytest

from vfe_lightning.exact.nuclear_motion import nuclear_motion, pressure
from vfe_lightning.exact.one_component_plasma import potekhin_chabrier, two_ions
from vfe_lightning.hamiltonians.electron_gas import ElectronGas
from vfe_lightning.hamiltonians.plasma import Plasma, body_centred


@pytest.mark.parametrize("gamma", [0.5, 20.0])
def test_the_energy_of_two_ions_is_the_slope_of_their_free_energy(gamma):
    found, h = two_ions(gamma, 12), 1e-4
    up, down = (two_ions(gamma * math.exp(s * h), 12) for s in (1, -1))
    noise = (up.free_energy_error + down.free_energy_error) / (2 * h)
    slope = (up.free_energy - down.free_energy) / (2 * h)
    assert found.energy is not None and found.entropy is not None
    assert found.energy == pytest.approx(slope, abs=found.energy_error + noise + 1e-6 * gamma)
    assert found.entropy < 0
    assert found.entropy == pytest.approx(found.energy - found.free_energy, abs=1e-12 * gamma)


def test_two_weakly_coupled_ions_keep_their_energy():
    """To first order it is that of independent ions: of their images alone."""
    plasma = Plasma(2, 1e-6)
    first = plasma.strength * plasma.ewald.madelung
    found = two_ions(1e-6, 12)
    assert found.free_energy == pytest.approx(first, abs=found.free_energy_error + 1e-11)


def slattery(gamma: float) -> float:
    """f of the infinite liquid, 1 <= Gamma <= 160: Slattery, Doolen & DeWitt, PRA 26, 2255 (1982).

    The constant is f(1) = -0.4368 of Slattery, Doolen & DeWitt, PRA 21, 2087 (1980).
    """
    a, b, c, d, first = -0.897744, 0.95043, 0.18956, -0.81487, -0.4368
    root = gamma**0.25
    grown = a * gamma + 4 * (b * root - c / root) + d * math.log(gamma)
    return grown - (a + 4 * (b - c)) + first


def test_fits_of_the_infinite_plasma_agree():
    """Of 1982 and of 2000; Monte Carlo of DeWitt and Slattery says u = -16.67 at Gamma = 20."""
    for gamma in (1, 2, 5, 10, 20, 50, 100, 160):
        assert potekhin_chabrier(gamma) == pytest.approx(slattery(gamma), abs=0.01)
    debye_hueckel = -(1e-4**1.5) / math.sqrt(3)
    assert potekhin_chabrier(1e-4) == pytest.approx(debye_hueckel, rel=0.01)
    h = 1e-5
    u = 20 * (potekhin_chabrier(20 + h) - potekhin_chabrier(20 - h)) / (2 * h)
    assert u == pytest.approx(-16.67, abs=0.01)


def test_a_crystal_has_the_energy_of_madelung():
    """Body-centred: -0.895929 Gamma an ion, in Rydberg -1.791858511 / r_s a proton."""
    crystal = body_centred(2)
    assert Plasma(16, 7.0).energy(crystal[None]).item() / (16 * 7.0) == pytest.approx(
        -1.791858511 / 2, abs=1e-9
    )
    rs = 1.31
    protons = ElectronGas(16, 3, rs)  # charges of one kind, in Ry / r_s^2
    energy = protons.energy(protons.length * crystal[None]).item() / (16 * rs**2)
    assert energy == pytest.approx(-1.367831, abs=1e-6)
    assert 2 * rs * Plasma(16, 1.0).energy(crystal[None]).item() / (16 * rs**2) == pytest.approx(
        energy, abs=1e-12
    )


def test_the_motion_of_nuclei():
    """From internal to published free energies of 16 protons at r_s = 1.25, 6000 K; and the ideal gas."""
    found = nuclear_motion(16, 1.25, 6000)
    assert found.entropy == pytest.approx(2.823733, abs=5e-6)
    assert -1.036134 + found.free_energy == pytest.approx(-1.086438, abs=2e-6)
    assert found.energy == pytest.approx(1.5 * 6000 * 8.617333e-5 / 13.605693, rel=1e-6)
    density = 3 / (4 * math.pi * (1.25 * 0.529177211e-10) ** 3)
    ideal = density * 1.380649e-23 * 6000 / 1e9
    assert pressure(0.0, 0.0, 16, 1.25, 6000) == pytest.approx(ideal, rel=1e-6)
    assert pressure(1.0, -2.0, 16, 1.25, 6000) == pytest.approx(ideal, rel=1e-6)
