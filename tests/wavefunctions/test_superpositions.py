"""Superpositions of determinants: against autograd and single determinants, their sampler, their energies."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from vfe_lightning.exact.relative_motion import coupling, hamiltonian
from vfe_lightning.hamiltonians.electron_gas import ElectronGas
from vfe_lightning.hamiltonians.periodic_box import plane_waves
from vfe_lightning.statistics import Moments
from vfe_lightning.wavefunctions.configuration_interaction import ConfigurationInteraction
from vfe_lightning.wavefunctions.slater import SlaterDeterminants
from vfe_lightning.wavefunctions.superpositions import Superpositions

LENGTH = 2.5


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def superpositions(n: int, dim: int, terms: int = 4, batch: int = 3) -> tuple[Superpositions, Tensor]:
    g = generator(n + dim)
    k = 2 * math.pi / LENGTH * torch.randint(-2, 3, (batch, terms, n, dim), generator=g).double()
    c = torch.randn(batch, terms, generator=g, dtype=torch.float64)
    c = c / c.norm(dim=1, keepdim=True)
    zeta = LENGTH * torch.rand(batch, n, dim, generator=g, dtype=torch.float64)
    return Superpositions(k, c, LENGTH), zeta


def mixing(n: int = 2, dim: int = 2, rs: float = 5.0, twist: float = 0.25) -> ConfigurationInteraction:
    grid = plane_waves(dim, 2, (twist,) * dim) - twist
    return ConfigurationInteraction(grid, n, twist, coupling(n, dim, rs))


def everything(n: int, orbitals: int) -> Tensor:
    return torch.combinations(torch.arange(orbitals), n)


@pytest.mark.parametrize(("n", "dim"), [(2, 2), (2, 3), (3, 2), (3, 3)])
def test_gradient_and_hessian_equal_autograd(n: int, dim: int) -> None:
    states, zeta = superpositions(n, dim)
    jet = states.jet(zeta)
    torch.testing.assert_close(states.gradient(zeta), jet.gradient)
    torch.testing.assert_close(states.log_psi(zeta), jet.log_psi)
    metric = torch.randn(3, n * dim, n * dim, dtype=torch.float64, generator=generator())
    metric = metric + metric.mT
    contracted = torch.view_as_real(jet.hessian_contraction(metric))
    gradient = torch.view_as_real(jet.gradient.flatten(1))
    for b in range(3):
        for part in (0, 1):

            def single(y: Tensor, b: int = b, part: int = part) -> Tensor:
                log_psi = states[b : b + 1].log_psi(y.view(1, n, dim))
                return torch.view_as_real(log_psi)[0, part]

            point = zeta[b].flatten()
            torch.testing.assert_close(
                gradient[b, :, part], torch.autograd.functional.jacobian(single, point)
            )
            hessian = torch.autograd.functional.hessian(single, point)
            torch.testing.assert_close(contracted[b, part], (hessian * metric[b]).sum())


@pytest.mark.parametrize(("n", "dim"), [(2, 3), (3, 2)])
def test_one_term_is_a_determinant(n: int, dim: int) -> None:
    states, zeta = superpositions(n, dim, terms=1)
    determinants = SlaterDeterminants(states.k[:, 0], LENGTH)
    torch.testing.assert_close(states.log_psi(zeta).real, determinants.log_psi(zeta).real)
    torch.testing.assert_close(states.momentum, determinants.momentum)
    torch.testing.assert_close(states.gradient(zeta), determinants.gradient(zeta))


@pytest.mark.parametrize(("n", "dim"), [(2, 2), (3, 2), (2, 3)])
def test_the_states_are_orthonormal_and_keep_their_total_momentum(n: int, dim: int) -> None:
    states = mixing(n, dim)
    occupied = everything(n, states.orbitals)
    made = states(occupied)
    k = 2 * math.pi / made.length * plane_waves(dim, 2, (0.25,) * dim)
    torch.testing.assert_close(made.momentum, k[occupied].sum(1))
    used = made.coefficients != 0
    torch.testing.assert_close(
        made.k.sum(2)[used], made.momentum[:, None].expand(-1, used.shape[1], -1)[used]
    )
    same = (made.momentum[:, None] - made.momentum).norm(dim=2) < 1e-9
    overlap = torch.where(same, made.coefficients @ made.coefficients.T, 0.0)
    torch.testing.assert_close(overlap, torch.eye(len(made), dtype=torch.float64), rtol=0, atol=1e-12)


def test_free_electrons_do_not_mix() -> None:
    """At r_s = 0 each state is the determinant that names it."""
    states = mixing(n=3, rs=0.0)
    occupied = everything(3, states.orbitals)
    made = states(occupied)
    assert bool((made.coefficients.abs() > 1e-12).sum(1).eq(1).all())
    term = made.coefficients.abs().argmax(1)
    k = 2 * math.pi / made.length * plane_waves(2, 2, (0.25, 0.25))
    zeta = made.length * torch.rand(len(made), 3, 2, generator=generator(), dtype=torch.float64)
    named = SlaterDeterminants(k[occupied], made.length).log_psi(zeta).real
    chosen = SlaterDeterminants(made.k[torch.arange(len(made)), term], made.length).log_psi(zeta).real
    torch.testing.assert_close(chosen, named)


def test_samples_have_the_density_of_the_state() -> None:
    """Fourier components of the pair density against reweighted uniform points, within 4 sigma."""
    states = mixing(n=3, rs=10.0)
    made = states(everything(3, states.orbitals))
    mixed = (made.coefficients.abs() > 0.2).sum(1).argmax()
    count = 20000
    one = made[mixed[None]]
    assert int((one.coefficients.abs() > 0.1).sum()) > 2
    many = one[torch.zeros(count, dtype=torch.long)]
    z = many.sample(generator(1))
    uniform = one.length * torch.rand(count, 3, 2, generator=generator(2), dtype=torch.float64)
    weight = (2 * many.log_psi(uniform).real + 6 * math.log(one.length)).exp()
    norm = Moments.of(weight)
    assert abs(float(norm.mean) - 1) < 4 * float(norm.error)
    for m in ((1.0, 0.0), (1.0, 1.0), (0.0, 2.0)):
        q = 2 * math.pi / one.length * torch.tensor(m, dtype=torch.float64)
        sampled = Moments.of(((z[:, 0] - z[:, 1]) @ q).cos())
        expected = Moments.of(weight * ((uniform[:, 0] - uniform[:, 1]) @ q).cos())
        assert abs(float(sampled.mean - expected.mean)) < 4 * math.hypot(
            float(sampled.error), float(expected.error)
        )


def test_energies_are_eigenvalues_of_the_hamiltonian() -> None:
    """<H> of each state of one total momentum is the energy it is listed with, within 4 sigma."""
    rs, count, twist = 5.0, 3000, 0.25
    states = mixing(n=2, rs=rs, twist=twist)
    made = states(everything(2, states.orbitals))
    sector = torch.nonzero((made.momentum - made.momentum[0]).norm(dim=1) < 1e-9)[:, 0]
    assert len(sector) > 2
    gas, unit = ElectronGas(2, 2, rs), (2 * math.pi / made.length) ** 2
    sets = (made.k[0, : len(sector)] * made.length / (2 * math.pi) - twist).round().long().numpy()
    centre = float(made.momentum[0].square().sum()) / 2
    madelung = 2 * rs / made.length * gas.ewald.madelung
    levels = unit * np.linalg.eigvalsh(hamiltonian(sets, coupling(2, 2, rs))) + centre
    expected = states.energies[sector]
    np.testing.assert_allclose(expected.sort().values, levels, rtol=1e-6)
    found = []
    for row in sector:
        state = made[row.expand(count)]
        z = state.sample(generator(int(row)))
        jet = state.jet(z)
        identity = torch.eye(4, dtype=torch.float64).expand(count, -1, -1)
        kinetic = -(jet.hessian_contraction(identity) + jet.gradient.square().sum((1, 2)))
        found.append(Moments.of(kinetic.real + gas.energy(z)))
    for energy, level in zip(found, expected, strict=True):
        assert abs(float(energy.mean) - float(level) - madelung) < 4 * float(energy.error)
    assert float(expected.max() - expected.min()) > 10 * max(float(energy.error) for energy in found)
