"""The flow of electrons among protons: divergence, derivatives, symmetries, cusps."""

import pytest
import torch
from hydrogen import crowd
from noise import stirred
from torch import Tensor
from torch.func import jacfwd, jacrev

from vfe_lightning.bijectors.continuous import ContinuousFlow
from vfe_lightning.bijectors.electron_cusps import ElectronCusps
from vfe_lightning.bijectors.electrons_among_protons import ElectronFlow, ElectronVelocity, surroundings
from vfe_lightning.calculus import chain_rule

LENGTH, PROTONS = 4.0, 2
SPINS = [(1, 0), (2, 1), (1, 2)]
every_count = pytest.mark.parametrize("spins", SPINS, ids=str)
close = {"rtol": 1e-10, "atol": 1e-11}


def flow_of(spins: tuple[int, int], scale: float = 0.1, steps: int = 2) -> ElectronFlow:
    torch.manual_seed(0)
    velocity = ElectronVelocity(*spins, PROTONS, LENGTH, width=4, softness=0.4, reach=2.0, three_body=2)
    stirred(velocity, scale)
    cusps = ElectronCusps(*spins, LENGTH, at_protons=1.4, of_pairs=4.0)
    return ElectronFlow(velocity, cusps, steps, tolerance=1.0).requires_grad_(False)


def at(flow: ElectronFlow, batch: int) -> tuple[ContinuousFlow, Tensor]:
    """A flow of as many protons, and electrons."""
    return flow.at(crowd(batch, PROTONS, LENGTH)), crowd(batch, flow.velocity.pairs.n, LENGTH)


@every_count
def test_divergences_are_traces_of_jacobians(spins) -> None:
    flow = flow_of(spins)
    n, protons = sum(spins), crowd(1, PROTONS, LENGTH)
    x = crowd(1, n, LENGTH)
    velocity = flow.velocity.at(protons)
    jacobian = jacrev(lambda y: velocity(y.view(1, n, 3).mT, 0.3)[0].mT.flatten())(x.flatten())
    torch.testing.assert_close(velocity(x.mT, 0.3)[1][0], torch.trace(jacobian), **close)
    assert torch.trace(jacobian).abs() > 1e-3


@pytest.mark.parametrize("many", [0, 100])
@every_count
def test_the_jet_equals_nested_autograd(spins, many: int, monkeypatch) -> None:
    """By derivatives at each point, as of many electrons, and by those in all coordinates at once."""
    monkeypatch.setattr(chain_rule, "MANY", many)
    n, protons = sum(spins), crowd(2, PROTONS, LENGTH)
    flow, x = flow_of(spins), crowd(2, n, LENGTH)
    jet = flow.at(protons).jet(x)
    for b, point in enumerate(x.flatten(1)):
        alone = flow.at(protons[b : b + 1])

        def both(y: Tensor, alone: ContinuousFlow = alone) -> Tensor:
            zeta, log_det = alone.pull_back(y.view(1, n, 3))
            return torch.cat([zeta.flatten(), log_det])

        value, first = both(point), jacrev(both)(point)
        laplacian = torch.diagonal(jacfwd(jacrev(both))(point), dim1=1, dim2=2).sum(-1)
        torch.testing.assert_close(torch.cat([jet.zeta[b].flatten(), jet.log_det[b, None]]), value, **close)
        torch.testing.assert_close(jet.jacobian[b], first[:-1], **close)
        torch.testing.assert_close(jet.log_det_gradient[b].flatten(), first[-1], **close)
        torch.testing.assert_close(jet.laplacian[b].flatten(), laplacian[:-1], **close)
        torch.testing.assert_close(jet.log_det_laplacian[b], laplacian[-1], **close)


@every_count
def test_the_flow_commutes_with_all_that_changes_nothing(spins) -> None:
    n_up, n_down = spins
    n, protons = n_up + n_down, crowd(3, PROTONS, LENGTH)
    flow, x = flow_of(spins), crowd(3, n, LENGTH)
    zeta, log_det = flow.at(protons).pull_back(x)
    order = [*reversed(range(n_up)), *(n_up + k for k in reversed(range(n_down)))]
    shift = torch.tensor([0.7, -1.3, 2.1], dtype=torch.float64)
    lattice = LENGTH * torch.arange(-3.0, 3 * n - 3, dtype=torch.float64).view(n, 3)
    for s, y, expected in [
        (protons, x[:, order], zeta[:, order]),
        (protons.flip(1), x, zeta),
        (protons, x + lattice, zeta + lattice),
        (protons + lattice[0], x, zeta),
        (protons + shift, x + shift, zeta + shift),
        (-protons, -x, -zeta),
        (protons.roll(1, 2), x.roll(1, 2), zeta.roll(1, 2)),
    ]:
        found, same = flow.at(s).pull_back(y)
        torch.testing.assert_close(found, expected, **close)
        torch.testing.assert_close(same, log_det, **close)


def test_a_new_flow_is_the_cusps_alone() -> None:
    flow = flow_of((2, 1), scale=0.0)
    among, x = at(flow, 3)
    bare, _ = at(ElectronFlow(flow.velocity, None, 2, 1.0), 3)
    zeta, log_det = bare.pull_back(x)
    assert torch.equal(zeta, x) and not log_det.any()
    assert not torch.allclose(among.pull_back(x)[0], x)


def test_forth_and_back_meet() -> None:
    among, z = at(flow_of((2, 2), scale=0.02, steps=4), 20)
    x, residual = among.invert(z)
    torch.testing.assert_close(among.pull_back(x)[0], z, rtol=0, atol=1e-6)
    assert float(residual.max()) < 1e-2
    y, log_det = among.forward(z)
    torch.testing.assert_close(log_det, -among.pull_back(y)[1], rtol=0, atol=1e-3)


@pytest.mark.parametrize("r", [1e-3, 1e-4])
@pytest.mark.parametrize(("who", "expected"), [("up", -1.0), ("down", -1.0), ("pair", 0.5)])
def test_cusps_have_their_slopes_whatever_comes_before(who: str, expected: float, r: float) -> None:
    """d ln |det|^(1/2) / dr where two meet, in three directions, less what is smooth there.

    That has opposite slopes on the two sides. Others stand within a reach, but no proton where a pair meets.
    """
    protons = torch.tensor([[1.0, 1.0, 1.0], [2.4, 1.0, 1.0]], dtype=torch.float64).expand(6, -1, -1)
    near = torch.tensor([0.2, -0.3, 0.1], dtype=torch.float64)
    middle = protons[:, 0] + torch.tensor([0.1, 0.0, 0.4], dtype=torch.float64)
    moved, places = {
        "up": ([1.0, 0.0, 0.0], [protons[:, 0], middle, protons[:, 0] + near]),
        "down": ([0.0, 0.0, 1.0], [protons[:, 1] + near, middle, protons[:, 1]]),
        "pair": ([0.5, 0.0, -0.5], [middle + 1.8, middle + 1.6, middle + 1.8]),
    }[who]
    direction = torch.eye(3, dtype=torch.float64) * 0.8 + 0.2
    direction = torch.cat([direction, -direction]) / direction.norm(dim=1)[0]
    along = torch.tensor(moved, dtype=torch.float64)[:, None] * direction[:, None]
    among = flow_of((2, 1)).at(protons)
    slopes = 0.5 * (among.jet(torch.stack(places, 1) + r * along).log_det_gradient * along).sum((1, 2))
    found = (slopes[:3] + slopes[3:]) / 2
    torch.testing.assert_close(found, torch.full_like(found, expected), rtol=0, atol=20 * r)
    assert (slopes - expected).abs().max() > 0.05


def test_cusps_are_a_bijection_also_where_all_crowd() -> None:
    """Within a few reaches of each other: det > 0, and all are found again."""
    protons = 0.3 * crowd(500, 2, LENGTH)
    x = 0.3 * crowd(500, 5, LENGTH)
    cusps = ElectronCusps(3, 2, LENGTH, 1.4, 4.0).at(protons)
    y, log_det = cusps.back([x.mT, torch.zeros(500, dtype=torch.float64)])
    assert log_det.isfinite().all() and float(log_det.min()) > -5
    again, forth = cusps.forth([y, torch.zeros_like(log_det)])
    torch.testing.assert_close(again, x.mT, rtol=0, atol=1e-6)
    torch.testing.assert_close(forth, -log_det, rtol=0, atol=1e-4)


def test_surroundings_tell_atoms_from_molecules() -> None:
    protons = torch.tensor([[[0.0, 0, 0], [1.4, 0, 0], [5.0, 5, 5], [2.9, 0, 0]]], dtype=torch.float64)
    found = surroundings(protons, 12.0)[0]
    assert (found[0] == 1).all()
    near, far = found[1] + 0.5, found[2] / 0.4 + 1
    assert near[0] > 0.4 and far[0] > 1.0 and near[2] < 1e-6 and far[2] < 1e-6
    expected = torch.exp(-((torch.tensor([1.4, 1.5], dtype=torch.float64) / 1.5) ** 4))
    torch.testing.assert_close(near[:2], torch.stack([expected[0], expected.sum()]), rtol=0, atol=1e-4)
