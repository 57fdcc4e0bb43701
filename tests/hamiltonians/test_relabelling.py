"""Naming equal particles by sites: one labelling of n!, the same for all that differ by names only."""

import math
from itertools import permutations

import pytest
import torch
from noise import normal

from vfe_lightning.hamiltonians.dimer import Dimer, sites
from vfe_lightning.hamiltonians.relabelling import Relabelling


def test_of_all_labellings_one_is_the_representative():
    relabelling = Relabelling(normal(0, 5, 2), (2, 3))
    x = normal(1, 4, 5, 2)
    named = relabelling.representative(x)
    images = [[*a, *(2 + k for k in b)] for a in permutations(range(2)) for b in permutations(range(3))]
    assert relabelling.log_images == pytest.approx(math.log(len(images)))
    hits = torch.zeros(4)
    for order in images:
        torch.testing.assert_close(relabelling.representative(x[:, order]), named)
        weight = relabelling.log_images_of(x[:, order])
        assert ((weight == -math.inf) | (weight == relabelling.log_images)).all()
        hits += weight > -math.inf
    assert hits.tolist() == [1] * 4
    distances = [(x[:, order] - relabelling.sites).square().sum((1, 2)) for order in images]
    torch.testing.assert_close(
        (named - relabelling.sites).square().sum((1, 2)), torch.stack(distances).amin(dim=0)
    )


def test_the_energy_stays():
    h, x = Dimer(6, box=1.5), 1.5 * normal(2, 3, 8, 2)
    named = Relabelling(sites(6), (2, 6)).representative(x)
    torch.testing.assert_close(h.energy(named), h.energy(x), rtol=1e-10, atol=0)
