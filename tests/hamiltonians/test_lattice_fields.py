"""Energies of fields on a torus: closed forms, and the duality of the Ising model."""

import math

import pytest
import torch
from judging import agrees
from spins import all_spins

from vfe_lightning.exact.ising_torus import square
from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.ising_dual import (
    CRITICAL_BETA,
    IsingDual,
    ising_energy,
    log_cosh,
    structure_factor,
)
from vfe_lightning.hamiltonians.phi4 import PhiFour
from vfe_lightning.hamiltonians.spins import PairwiseSpins


def some_fields(batch: int = 4, L: int = 5):
    return torch.randn(batch, L, L, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_phi4_is_the_tutorial_s_action():
    """Albergo et al., arXiv 2101.08176, written out."""
    x = some_fields(1)[0]
    expected = -4 * x**2 + 8 * x**4 + 2 * 2 * x**2
    for axis in (0, 1):
        expected = expected - x * x.roll(-1, axis) - x * x.roll(1, axis)
    torch.testing.assert_close(PhiFour(-4.0, 8.0).energy(x[None])[0], expected.sum())


@pytest.mark.parametrize(
    ("L", "offset", "per_site"),
    [
        (4, 21.854816231, -2.3360457306),
        (8, 88.513235492, -2.3227346294),
        (16, 354.233483222, -2.3159208588),
        (32, 1416.939011577, -2.3140498937),
    ],
)
def test_offset_of_the_dual_at_the_critical_point(L, offset, per_site):
    """The values of the public code of Li & Wang (2018)."""
    H = IsingDual(L, CRITICAL_BETA)
    log_z = -CRITICAL_BETA * square(L, CRITICAL_BETA).free_energy
    assert H.log_offset() == pytest.approx(offset, abs=1e-8)
    assert -(log_z + H.log_offset()) / L**2 == pytest.approx(per_site, abs=1e-9)


def test_the_dual_of_nine_spins_is_exact():
    """E[w] over Gaussian x of K~ is Z of the spins in closed form: (2 pi)^(n/2) |K~|^(1/2) <prod cosh x>."""
    L, beta = 3, 0.2
    H = IsingDual(L, beta)
    s = all_spins(L * L)
    spins = PairwiseSpins(lattices.couplings(lattices.bonds(L, lattices.SQUARE), 1.0, L * L))
    # <exp(s x)> of N(0, K~) is exp(s K~ s / 2), the average over s is that of prod cosh
    log_det = H.spectrum.log().sum()
    mean_cosh = (-beta * spins.energy(s) + 0.5 * H.shift * L * L).logsumexp(0) - L * L * math.log(2)
    log_z = 0.5 * (L * L * math.log(2 * math.pi) + log_det) + mean_cosh
    exact = -beta * square(L, beta).free_energy + H.log_offset()
    assert log_z.item() == pytest.approx(exact, abs=1e-10)


def test_spins_of_the_field():
    x = 0.7 * some_fields(1).expand(40_000, 5, 5)
    s = IsingDual(5, 0.3).spins(x, torch.Generator().manual_seed(1))
    assert set(s.unique().tolist()) == {-1.0, 1.0}
    assert agrees(s.mean(dim=0), 1 / 200, torch.tanh(x[0]))
    m = s.mean(dim=(1, 2)).square()
    assert agrees(m.mean(), m.std() / 200, structure_factor(x[:1])[0])
    bonds = -(s * (s.roll(1, 1) + s.roll(1, 2))).mean(dim=(1, 2))
    assert agrees(bonds.mean(), bonds.std() / 200, ising_energy(x[:1])[0])


def test_log_cosh_of_large_numbers():
    x = torch.tensor([-800.0, -0.5, 0.0, 3.0], dtype=torch.float64)
    torch.testing.assert_close(log_cosh(x)[1:], torch.cosh(x[1:]).log(), atol=1e-15, rtol=1e-12)
    assert log_cosh(x)[0].item() == pytest.approx(800 - math.log(2))
