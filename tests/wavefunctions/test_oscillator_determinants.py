"""Fock-Darwin determinants against the oscillator's levels, and their exact sampler."""

import math

import pytest
import torch
from judging import agrees, errors
from torch import Tensor

from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta, lowest_determinant, orbital_energies
from vfe_lightning.statistics import Moments
from vfe_lightning.wavefunctions.fock_darwin import FockDarwin
from vfe_lightning.wavefunctions.oscillator_determinants import OscillatorDeterminants
from vfe_lightning.wavefunctions.trapped_fermions import TrappedFermions

ORBITALS = FockDarwin(6)
SAMPLER = TrappedFermions(ORBITALS)
# up and down orbitals of three walkers
OCCUPIED = torch.tensor([[0, 1, 2, 0, 1], [0, 4, 7, 2, 5], [3, 8, 14, 9, 20]])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def states(occupied: Tensor = OCCUPIED, n_up: int = 3) -> OscillatorDeterminants:
    return OscillatorDeterminants(ORBITALS, SAMPLER, occupied, n_up)


def test_orbitals_are_orthonormal_and_in_order() -> None:
    axis = torch.linspace(-9, 9, 200, dtype=torch.float64)
    phi = ORBITALS.values(torch.cartesian_prod(axis, axis))[:, : len(ORBITALS.quanta)]
    overlap = phi.mH @ phi * (axis[1] - axis[0]) ** 2
    torch.testing.assert_close(overlap, torch.eye(len(overlap), dtype=torch.complex128), rtol=0, atol=1e-10)
    assert orbital_energies(ORBITALS.quanta).tolist() == [s for s in range(1, 7) for _ in range(s)]


def test_an_orbital_has_its_angular_momentum_and_energy() -> None:
    r = torch.randn(1, 5, 2, generator=generator(), dtype=torch.float64)
    turned = r.flip(-1) * torch.tensor([-1.0, 1.0], dtype=torch.float64)  # by a right angle
    every = torch.arange(len(ORBITALS.quanta))[None]
    jet = ORBITALS.jet(r, every)
    m = ORBITALS.quanta[:, 0] - ORBITALS.quanta[:, 1]
    expected = jet.value * torch.exp(1j * math.pi / 2 * m)
    torch.testing.assert_close(ORBITALS.at(turned, every), expected)
    energy = -0.5 * (jet.hessian[:, 0] + jet.hessian[:, 2]) + 0.5 * r.square().sum(-1)[..., None] * jet.value
    torch.testing.assert_close(energy, jet.value * orbital_energies(ORBITALS.quanta))


def test_determinants_are_eigenstates_of_the_oscillator() -> None:
    s = states()
    z = s.sample(generator(3))
    jet = s.jet(z)
    unit = torch.eye(10, dtype=torch.float64).expand(3, 10, 10)
    kinetic = -0.5 * (jet.hessian_contraction(unit) + jet.gradient.square().sum((1, 2)))
    energy = orbital_energies(ORBITALS.quanta)[OCCUPIED].sum(1)
    torch.testing.assert_close(kinetic + 0.5 * z.square().sum((1, 2)), energy.to(torch.complex128))
    quanta = ORBITALS.quanta[OCCUPIED]
    assert torch.equal(s.momentum[:, 0], (quanta[..., 0] - quanta[..., 1]).sum(1).double())


def test_determinants_are_normalised() -> None:
    """<|Phi|^2 / q> over normal points q is one, with two electrons of each spin."""
    few = OCCUPIED[:1, [0, 1, 3, 4]]
    width = 0.9
    z = width * torch.randn(40000, 4, 2, generator=generator(4), dtype=torch.float64)
    log_q = -0.5 * (z / width).square().sum((1, 2)) - 8 * math.log(width * math.sqrt(2 * math.pi))
    weight = (2 * states(few.expand(len(z), -1), 2).log_psi(z).real - log_q).exp()
    # one order of the electrons of each spin is as good as another: |Phi|^2 counts each of 2! 2! orders
    found = Moments.of(weight)
    assert 0 < float(found.error) < 0.05
    assert agrees(found.mean, found.error, 1.0)


@pytest.mark.parametrize("row", range(3))
def test_samples_have_the_exact_mean_square_radius_and_density(row: int) -> None:
    """<1/2 sum r^2> is half the energy, and so the weight inside r = 1.5."""
    z = states(OCCUPIED[row].expand(6000, -1)).sample(generator(5))
    exact = 0.5 * float(orbital_energies(ORBITALS.quanta)[OCCUPIED[row]].sum())
    found = Moments.of(0.5 * z.square().sum((1, 2)))
    assert agrees(found.mean, found.error, exact)
    axis = torch.linspace(-1.5, 1.5, 300, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    grid = grid[grid.norm(dim=1) < 1.5]
    density = ORBITALS.values(grid)[:, OCCUPIED[row]].abs().square().sum(1)
    inside = Moments.of((z.norm(dim=-1) < 1.5).double().sum(1))
    assert abs(float(inside.mean) - float(density.sum()) * float(axis[1] - axis[0]) ** 2) < (
        errors() * float(inside.error) + 5e-3
    )


def test_samples_have_the_pair_correlations_of_the_determinant() -> None:
    """<1/r_12> of two electrons in (0, 0) and (1, 0) is sqrt(pi / 8), and no two of equal spin meet."""
    z = states(torch.tensor([[0, 1]]).expand(20000, -1), 2).sample(generator(6))
    inverse = Moments.of((z[:, 0] - z[:, 1]).norm(dim=1).reciprocal())
    assert agrees(inverse.mean, inverse.error, 0.5 * math.sqrt(math.pi / 2))
    opposite = states(torch.tensor([[0, 0]]).expand(20000, -1), 1).sample(generator(7))
    met = Moments.of((opposite[:, 0] - opposite[:, 1]).norm(dim=1).reciprocal())
    assert abs(float(met.mean) - math.sqrt(math.pi / 2)) < 6 * float(met.error)


def test_the_proposals_lie_nowhere_below_the_density() -> None:
    radius = torch.linspace(0, SAMPLER.edge, 50001, dtype=torch.float64)[:-1]
    phi = ORBITALS.values(torch.stack([radius, torch.zeros_like(radius)], 1))[:, : len(ORBITALS.quanta)]
    cell = (radius / SAMPLER.edge * SAMPLER.hat.shape[1]).long()
    assert (2 * math.pi * radius * phi.abs().square().T <= SAMPLER.hat[:, cell]).all()
    assert float(SAMPLER.mass.max() * SAMPLER.edge / SAMPLER.hat.shape[1]) < 1.05


def test_the_lowest_determinant_of_an_angular_momentum() -> None:
    quanta = fock_darwin_quanta(4)
    m = quanta[:, 0] - quanta[:, 1]
    assert lowest_determinant(quanta, 4, 0, None).tolist() == [0, 1, 2, 3]
    for n_up, n_down in ((4, 0), (3, 2)):
        for total in range(-3, 4):
            chosen = lowest_determinant(quanta, n_up, n_down, total)
            up, down = chosen[:n_up], chosen[n_up:] - len(quanta)
            assert int(m[up].sum() + m[down].sum()) == total
            assert len(set(up.tolist())) == n_up and len(set(down.tolist())) == n_down
            assert up.tolist() == sorted(up.tolist())
    assert lowest_determinant(quanta, 3, 0, 0).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="shells"):
        lowest_determinant(quanta, 1, 0, 9)
