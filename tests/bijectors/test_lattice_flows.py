"""Flows of lattice fields: bijections with their Jacobian determinant and the symmetries that they claim."""

import pytest
import torch
from parts import CHECKERS, OWN_BLOCKS
from spins import randomize
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.bijectors.affine import Affine
from vfe_lightning.bijectors.bijector import Bijector, Composed
from vfe_lightning.bijectors.checkerboard import CheckerboardFlow, SiteConvolution, neighbours, sinh_arcsinh
from vfe_lightning.bijectors.fourier_scale import FourierScale
from vfe_lightning.bijectors.monge_ampere import ConvolutionalPotential, MongeAmpereFlow
from vfe_lightning.bijectors.neural_rg import NeuralRG, blocks, field
from vfe_lightning.errors import NotInvertible


def spectrum(L: int) -> Tensor:
    k = torch.cos(2 * torch.pi * torch.arange(L, dtype=torch.float64) / L)
    return 1 / (3 - k[:, None] - k)


def renormalizing(**changes) -> NeuralRG:
    return NeuralRG(declarations.NeuralRG(**{"couplings": 6, "width": 3, "bins": 4} | changes), 4)


def monge_ampere(**changes) -> MongeAmpereFlow:
    return MongeAmpereFlow(declarations.MongeAmpere(**{"potentials": 1, "steps": 1, "width": 4} | changes), 4)


FLOWS = {
    "checkerboard": lambda: CheckerboardFlow(CHECKERS, 4),
    "odd L": lambda: CheckerboardFlow(CHECKERS, 3),
    "neither even nor odd": lambda: CheckerboardFlow(CHECKERS, 4, odd=False),
    "Fourier": lambda: FourierScale(spectrum(4)),
    "Fourier, odd L": lambda: FourierScale(spectrum(5)),
    "neural RG": renormalizing,
    "neural RG, affine": lambda: renormalizing(bins=1),
    "neural RG, blocks of their own": lambda: NeuralRG(OWN_BLOCKS, 4, odd=False),
    "odd, blocks of their own": lambda: renormalizing(shared=False),
    "Monge-Ampere": lambda: monge_ampere(potentials=2, steps=8),
    "Monge-Ampere, whole lattice": lambda: monge_ampere(potentials=2, steps=8, reach=2),
    "affine": lambda: Affine((4, 4)),
    "composed": lambda: Composed([FourierScale(spectrum(4)), CheckerboardFlow(CHECKERS, 4)]),
}
L_OF = {"odd L": 3, "Fourier, odd L": 5}


def made(name: str) -> tuple[Bijector, Tensor]:
    torch.manual_seed(0)
    flow, L = FLOWS[name](), L_OF.get(name, 4)
    randomize(flow, scale=0.1)
    for p, q in zip(flow.parameters(), FLOWS[name]().parameters(), strict=True):
        p.data.add_(q.data)
    return flow, torch.randn(5, L, L, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize(
    "name", sorted(FLOWS.keys() - {"neither even nor odd", "affine", "neural RG, blocks of their own"})
)
def test_odd_flows(name):
    flow, z = made(name)
    torch.testing.assert_close(flow(-z)[0], -flow(z)[0])


@pytest.mark.parametrize("name", ["checkerboard", "Fourier", "Monge-Ampere", "Monge-Ampere, whole lattice"])
def test_translations_of_the_sublattice(name):
    flow, z = made(name)
    for shift in ((1, 1), (2, 0), (0, 2)):
        moved, log_det = flow(z.roll(shift, (1, 2)))
        torch.testing.assert_close(moved, flow(z)[0].roll(shift, (1, 2)))
        torch.testing.assert_close(log_det, flow(z)[1])


@pytest.mark.parametrize("name", ["checkerboard", "neural RG", "Monge-Ampere"])
def test_what_a_flow_starts_as_is_nearly_linear(name):
    x, log_det = FLOWS[name]()(z := torch.randn(5, 4, 4, dtype=torch.float64))
    torch.testing.assert_close(x.square().sum(), z.square().sum(), rtol=0.3, atol=0)
    assert log_det.abs().max() < 2


def test_a_site_convolution_is_a_convolution():
    """Of one sublattice, with the other one masked by zeros."""
    L, sites = 6, torch.arange(36)
    odd = (sites // L + sites) % 2 == 1
    conv = SiteConvolution(L, 1, 1, sites[odd], sites[~odd], 1, bias=False)
    x = torch.randn(36, 2, dtype=torch.float64) * odd[:, None]
    kernel = torch.zeros(3, 3, dtype=torch.float64)
    kernel[0, 1], kernel[1, 0], kernel[1, 2], kernel[2, 1] = conv.weight[0].detach()
    padded = torch.nn.functional.pad(x.mT.view(2, 1, L, L), (1, 1, 1, 1), mode="circular")
    expected = torch.nn.functional.conv2d(padded, kernel[None, None]).view(2, -1).mT[~odd]
    torch.testing.assert_close(conv(x[None, odd])[0], expected)


@pytest.mark.parametrize("L", [2, 3, 4])
def test_no_site_is_seen_twice(L):
    taps = neighbours(L, torch.arange(L * L), torch.arange(L * L), reach=5)
    assert (taps.sort(dim=0).values == torch.arange(L * L)[:, None]).all()


@pytest.mark.parametrize("reach", [1, 2])
def test_the_laplacian_of_a_potential_is_the_divergence_of_its_slope(reach):
    u = ConvolutionalPotential(4, 3, reach).velocity()
    x = torch.randn(16, 1, dtype=torch.float64)
    jacobian = torch.func.jacrev(lambda y: u(y[:, None])[0][:, 0])(x[:, 0])
    torch.testing.assert_close(jacobian.trace(), u(x)[1][0])
    torch.testing.assert_close(jacobian, jacobian.mT)  # a slope has no curl


def test_a_kernel_of_zeros_beyond_its_reach_is_a_shorter_one():
    short, whole = ConvolutionalPotential(5, 3, 1), ConvolutionalPotential(5, 3, 2)
    whole.kernel.data.view(3, 5, 5).zero_()[:, 1:4, 1:4] = short.kernel.data.view(3, 3, 3)
    whole.amplitude.data.copy_(short.amplitude.data)
    x = torch.randn(25, 4, dtype=torch.float64)
    for a, b in zip(short.velocity()(x), whole.velocity()(x), strict=True):
        torch.testing.assert_close(a, b)


def test_monge_ampere_is_of_fourth_order():
    """In the mean over points: at one of them what is left may change its sign on the way."""
    z = 1 + torch.eye(4) + 0.3 * torch.randn(40, 4, 4, dtype=torch.float64)

    def carried(steps: int) -> tuple[Tensor, Tensor]:
        torch.manual_seed(0)
        flow = monge_ampere(steps=steps)
        flow.potentials[0].amplitude.data.mul_(30)
        return flow(z)

    exact = carried(128)
    errors = [
        [(a - b).square().mean().sqrt().item() for a, b in zip(carried(s), exact, strict=True)]
        for s in (8, 16)
    ]
    assert all(10 < coarse / fine < 26 for coarse, fine in zip(*errors, strict=True)), errors


def test_errors_of_runge_kutta_are_not_taken_for_free_energy():
    flow = monge_ampere()
    flow.potentials[0].amplitude.data.mul_(300)
    with pytest.raises(NotInvertible, match="raise --flow"):
        flow(torch.randn(5, 4, 4, dtype=torch.float64))


def test_sinh_arcsinh_is_the_identity_at_zero_and_a_power_far_out():
    z = torch.tensor([-1e6, -0.3, 0.0, 2.0], dtype=torch.float64)
    y, slope = sinh_arcsinh(z, torch.zeros_like(z))
    torch.testing.assert_close(y, z)
    torch.testing.assert_close(slope, torch.zeros_like(z), atol=1e-12, rtol=0)
    far, _ = sinh_arcsinh(z[:1].abs(), torch.tensor([0.5], dtype=torch.float64).log())
    assert far.item() == pytest.approx((2e6) ** 0.5 / 2, rel=1e-3)


def test_blocks_are_two_by_two():
    x = torch.arange(16.0).view(4, 4, 1)
    assert blocks(x)[:, 0, 0].tolist() == [0, 1, 4, 5]
    assert torch.equal(field(blocks(x)), x)


def test_blocks_of_their_own_with_equal_parameters_are_shared_ones():
    """And every place moves its own block."""
    torch.manual_seed(0)
    shared, own = renormalizing(couplings=3), renormalizing(couplings=3, shared=False)
    randomize(shared)
    for p, q in zip(shared.parameters(), own.parameters(), strict=True):
        q.data.copy_(p.data.expand_as(q))
    z = torch.randn(5, 4, 4, dtype=torch.float64)
    for a, b in zip(shared(z) + shared.inverse(z), own(z) + own.inverse(z), strict=True):
        torch.testing.assert_close(a, b)
    own.disentanglers[0].couplings[2].shift.data[3] += 1  # moves a row of the block that the corners make
    moved = ((own(z)[0] - shared(z)[0]).abs() > 1e-9).all(dim=0)
    assert moved.nonzero().tolist() == [[3, 0], [3, 3]]


def test_renormalized_variables_end_in_the_latent_ones():
    flow, x = made("neural RG")
    fields = flow.renormalized(x)
    assert [f.shape[1] for f in fields] == [4, 2, 1]
    torch.testing.assert_close(fields[-1][:, 0, 0], flow.inverse(x)[0][:, 0, 0])
