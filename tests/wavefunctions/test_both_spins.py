"""Wavefunctions of both spins: orthonormality, kinetic energy, and contacts of opposite spins."""

import math

import pytest
import torch
from judging import agrees
from torch import Tensor

from vfe_lightning.bijectors.cusped_flow import CuspedFlow
from vfe_lightning.bijectors.inversion import invert
from vfe_lightning.bijectors.periodic_cusp import PeriodicCusp
from vfe_lightning.bijectors.two_stream import TwoStreamFlow
from vfe_lightning.bijectors.two_stream_spins import Spins
from vfe_lightning.declarations.flow import TwoStream
from vfe_lightning.hamiltonians.electron_gas import ElectronGas
from vfe_lightning.wavefunctions.cusped_kinetic import cusped_kinetic
from vfe_lightning.wavefunctions.flow_wavefunction import FlowWavefunction
from vfe_lightning.wavefunctions.kinetic import exact_kinetic, forward_laplacian_kinetic, hutchinson_kinetic
from vfe_lightning.wavefunctions.spin_determinants import SpinDeterminants

RS = 4.0


def flow_of(
    dim: int, n_up: int, n_down: int, smooth: float = 0.5, scale: float = 0.2, depth: int = 2
) -> CuspedFlow:
    length = ElectronGas(n_up + n_down, dim, RS).length
    generator = torch.Generator().manual_seed(5)
    declared = TwoStream(depth=depth, width=6, pair_width=5, init_scale=scale)
    inner = TwoStreamFlow(declared, dim, length, generator, Spins(n_up, n_down, smooth))
    return CuspedFlow(inner, PeriodicCusp(n_up, n_down, dim, length, RS / (dim - 1)))


def states_of(flow: CuspedFlow, dim: int, n_up: int, n_down: int, batch: int) -> SpinDeterminants:
    generator = torch.Generator().manual_seed(3)
    table = torch.cartesian_prod(*[torch.arange(-1.0, 2.0, dtype=torch.float64)] * dim) + 0.25
    sets = [
        torch.cat([table[torch.randperm(len(table), generator=generator)[:m]] for m in (n_up, n_down)])
        for _ in range(batch)
    ]
    return SpinDeterminants(2 * math.pi / flow.length * torch.stack(sets), flow.length, n_up)


def uniform(flow: CuspedFlow, batch: int, n: int, dim: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return flow.length * torch.rand(batch, n, dim, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    ("dim", "n_up", "n_down", "depth"), [(2, 1, 1, 2), (3, 2, 1, 2), (2, 1, 3, 3), (3, 2, 2, 1)]
)
def test_three_ways_to_the_kinetic_energy_agree(dim: int, n_up: int, n_down: int, depth: int) -> None:
    """Closed forms, and forward mode from dzeta/dx alone along unit and along other orthogonal directions."""
    n = n_up + n_down
    flow = flow_of(dim, n_up, n_down, depth=depth)
    states, x = states_of(flow, dim, n_up, n_down, 4), uniform(flow, 4, n, dim)
    exact = cusped_kinetic(flow, states, x, chunk_size=3)
    size = n * dim
    orthogonal = math.sqrt(size) * torch.linalg.qr(torch.randn(size, size, dtype=torch.float64))[0]
    directions = orthogonal.view(size, 1, n, dim).expand(-1, len(x), -1, -1)
    for other in (
        forward_laplacian_kinetic(flow, states, x, chunk_size=2),
        hutchinson_kinetic(flow, states, x, directions),
    ):
        for mine, theirs in zip(exact, other, strict=True):
            torch.testing.assert_close(theirs, mine, rtol=1e-9, atol=1e-9)
    log_psi, sign = FlowWavefunction(flow).log_psi_and_sign(states, x)
    torch.testing.assert_close(exact.log_psi, log_psi)
    torch.testing.assert_close(exact.sign, sign)


def test_the_kinetic_energy_equals_finite_differences_of_psi() -> None:
    flow = flow_of(2, 2, 1)
    states, x = states_of(flow, 2, 2, 1, 1), uniform(flow, 1, 3, 2)
    psi, step = FlowWavefunction(flow), 1e-3
    shifts = step * torch.eye(6, dtype=torch.float64).view(6, 3, 2)
    with torch.no_grad():
        centre = psi.log_psi(states, x)

        def ratio(y: Tensor) -> Tensor:
            return torch.exp(psi.log_psi(states[torch.zeros(6, dtype=torch.long)], y) - centre)

        near, far = (ratio(x + m * shifts) + ratio(x - m * shifts) - 2 for m in (1, 2))
    fourth_order = -((16 * near - far) / 12).sum() / step**2
    torch.testing.assert_close(cusped_kinetic(flow, states, x).energy[0], fourth_order, rtol=1e-6, atol=1e-6)


def test_states_of_two_electrons_are_orthonormal() -> None:
    """Quadrature over their distance, of all pairs of four states of one total momentum."""
    flow, points = flow_of(2, 1, 1, scale=0.15), 96
    axis = flow.length / points * (torch.arange(points, dtype=torch.float64) + 0.5)
    r = torch.cartesian_prod(axis, axis)
    x = torch.stack([r, torch.zeros_like(r)], dim=1)
    up = torch.tensor([[0.0, 0], [1, 0], [0, -1], [1, 1]], dtype=torch.float64)
    k = 2 * math.pi / flow.length * torch.stack([up, torch.tensor([1.0, 0]) - up], dim=1)
    psi = FlowWavefunction(flow)
    rows = torch.zeros(len(x), dtype=torch.long)
    with torch.no_grad():
        values = torch.stack(
            [psi.log_psi(SpinDeterminants(one[None], flow.length, 1)[rows], x).exp() for one in k]
        )
    volume = flow.length**4 / points**2
    overlaps = volume * values.conj() @ values.mT
    torch.testing.assert_close(overlaps, torch.eye(4, dtype=torch.complex128), rtol=0, atol=2e-4)


def test_samples_have_the_density_of_psi() -> None:
    """<cos k.(x_1 - x_2)> of two electrons of opposite spin, against quadrature."""
    flow, points = flow_of(2, 1, 1, scale=0.15), 96
    states = states_of(flow, 2, 1, 1, 1)
    axis = flow.length / points * (torch.arange(points, dtype=torch.float64) + 0.5)
    r = torch.cartesian_prod(axis, axis)
    rows = torch.zeros(4000, dtype=torch.long)
    with torch.no_grad():
        density = FlowWavefunction(flow).log_psi(
            states[torch.zeros(len(r), dtype=torch.long)], torch.stack([r, 0 * r], 1)
        )
    weight = (2 * density.real).exp()
    drawn = invert(
        flow, states[rows].sample(torch.Generator().manual_seed(2)), momentum=states[rows].momentum
    ).x
    for k in ([1.0, 0.0], [1.0, 1.0]):
        wave = 2 * math.pi / flow.length * torch.tensor(k, dtype=torch.float64)
        exact = (weight * (r @ wave).cos()).sum() / weight.sum()
        found = ((drawn[:, 0] - drawn[:, 1]) @ wave).cos()
        assert agrees(found.mean(), found.std() / len(found) ** 0.5, exact, samples=4000)


def contact(flow: CuspedFlow, dim: int, n_up: int, n_down: int, distances: Tensor) -> Tensor:
    """Local energies of a walk of one electron of spin up into one of spin down, all others at rest."""
    n = n_up + n_down
    x = uniform(flow, 1, n, dim).repeat(len(distances), 1, 1)
    direction = torch.nn.functional.normalize(torch.arange(1.0, dim + 1, dtype=torch.float64), dim=0)
    x[:, 0] = x[:, -1] + distances[:, None] * direction
    states = states_of(flow, dim, n_up, n_down, 1)[torch.zeros(len(distances), dtype=torch.long)]
    return cusped_kinetic(flow, states, x).energy.real + ElectronGas(n, dim, RS).energy(x)


DISTANCES = torch.logspace(-2, -4, 5, dtype=torch.float64)


@pytest.mark.parametrize(("dim", "n_up", "n_down"), [(2, 1, 1), (3, 1, 1), (2, 2, 1), (3, 2, 2)])
def test_the_local_energy_is_bounded_where_opposite_spins_meet(dim: int, n_up: int, n_down: int) -> None:
    """It tends to a constant linearly in r, though 2 r_s / r alone has grown to 8e4."""
    energy = contact(flow_of(dim, n_up, n_down), dim, n_up, n_down, DISTANCES)
    near, limit = energy[:-1], energy[-1]
    assert bool(((near - limit).abs() < 2000 * DISTANCES[:-1]).all()), energy
    assert float(limit.abs()) < 200


@pytest.mark.parametrize("dim", [2, 3])
def test_a_kinked_distance_of_opposite_spins_is_the_trap(dim: int) -> None:
    """The same flow with |sin| for opposite spins: the local energy grows as 1 / r^2 in company."""
    distances = torch.tensor([1e-7, 1e-8], dtype=torch.float64)
    energy = contact(flow_of(dim, 2, 2, smooth=0.0), dim, 2, 2, distances)
    growth = (energy[1] / energy[0]).abs().log10()
    assert float(growth) == pytest.approx(2, abs=0.1)


def test_without_its_cusp_the_local_energy_grows_as_the_interaction() -> None:
    flow = flow_of(3, 2, 1)
    states = states_of(flow, 3, 2, 1, 1)[torch.zeros(2, dtype=torch.long)]
    x = uniform(flow, 1, 3, 3).repeat(2, 1, 1)
    x[:, 0] = x[:, 2] + torch.tensor([[1e-3], [1e-4]]) * torch.tensor([0.6, 0.0, 0.8])
    energy = exact_kinetic(flow.smooth, states, x).energy.real + ElectronGas(3, 3, RS).energy(x)
    torch.testing.assert_close(
        energy[1] - energy[0], torch.tensor(9000 * 2 * RS, dtype=torch.float64), rtol=0.05, atol=0
    )
