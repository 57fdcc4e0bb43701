"""Amplitudes of pairs in levels: their norm by all sets of levels, and what they start from."""

import itertools
import math

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


def test_pairs_may_be_in_the_lowest_levels_alone_and_leave_them() -> None:
    pairing = Pairing(2, 5)
    amplitudes, log_norm = pairing(levels(4, 5))
    assert (amplitudes[:, :2] > 0).all() and (amplitudes[:, 2:] < 0).all()
    with torch.no_grad():
        pairing.weight[2:] = 0.0
    amplitudes, log_norm = pairing(levels(4, 5))
    k = occupied(amplitudes.detach(), 2, torch.arange(4), torch.Generator().manual_seed(0))
    assert torch.equal(k, torch.tensor([[0, 1]]).expand(4, -1))
    amplitudes[:, 2:].sum().backward(retain_graph=True)
    assert pairing.weight.grad is not None and (pairing.weight.grad[2:] > 0).all()
    pairing.zero_grad()
    log_norm.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in pairing.parameters())


def test_a_pair_in_two_levels_is_in_its_ground_state() -> None:
    """Of energies -g and g and the exchange integral k between (1, 1) and (2, 2), for all gaps."""
    pairing, k = Pairing(1, 2), 0.18
    with torch.no_grad():
        pairing.weight.copy_(torch.tensor([1.0, -1.0]))
        pairing.log_gap.fill_(math.log(k / 2))
    gaps = torch.linspace(0.01, 2.0, 7, dtype=torch.float64)
    amplitudes, log_norm = pairing(torch.stack([-gaps / 2, gaps / 2], 1))
    off = torch.full_like(gaps, k)
    h = torch.stack([torch.stack([-gaps, off], 1), torch.stack([off, gaps], 1)], 1)
    lowest = torch.linalg.eigh(h)[1][:, :, 0]
    expected = lowest * lowest[:, :1].sign()
    torch.testing.assert_close(amplitudes * torch.exp(-log_norm / 2)[:, None], expected)
