"""Amplitudes of pairs in levels: their norm by all sets of levels, and what they start from."""

import itertools

import pytest
import torch
from noise import normal, stirred
from torch import Tensor

from vfe_lightning.wavefunctions.pairing import Pairing, occupied


def levels(batch: int, count: int) -> Tensor:
    return normal(1, batch, count).sort(1).values


@pytest.mark.parametrize(("n", "count"), [(1, 2), (2, 5), (3, 4)])
def test_the_norm_is_a_sum_over_all_sets_of_levels(n: int, count: int) -> None:
    pairing = Pairing(n, count)
    stirred(pairing, 0.5)
    amplitudes, log_norm = pairing(levels(3, count))
    sets = torch.tensor(list(itertools.combinations(range(count), n)))
    expected = amplitudes.square()[:, sets].prod(2).sum(1).log()
    torch.testing.assert_close(log_norm, expected)


def test_at_first_pairs_are_in_the_lowest_levels_alone_and_leave_them() -> None:
    pairing = Pairing(2, 5)
    amplitudes, log_norm = pairing(levels(4, 5))
    assert (amplitudes[:, :2] > 0).all() and not amplitudes[:, 2:].any()
    k = occupied(amplitudes.detach(), 2, torch.Generator().manual_seed(0))
    assert torch.equal(k, torch.tensor([[0, 1]]).expand(4, -1))
    amplitudes[:, 2:].sum().backward(retain_graph=True)
    assert pairing.weight.grad is not None and (pairing.weight.grad[2:] > 0).all()
    pairing.zero_grad()
    log_norm.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in pairing.parameters())


def test_amplitudes_fall_with_the_gap_and_rise_without_a_jump_below_it() -> None:
    """v / u of Bardeen, Cooper & Schrieffer: Delta / (xi + (xi^2 + Delta^2)^(1/2))."""
    pairing = Pairing(2, 4)
    with torch.no_grad():
        pairing.weight.fill_(1.0)
    e = levels(3, 4)
    xi, gap = e - e[:, 1:3].mean(1, keepdim=True), pairing.log_gap.exp()
    expected = gap / (xi + (xi.square() + gap**2).sqrt())
    torch.testing.assert_close(pairing(e)[0], expected)
