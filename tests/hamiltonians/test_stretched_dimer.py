"""The dimer on its way from closed to open: what both ends are, and where the well is between them."""

import pytest
import torch

from vfe_lightning.hamiltonians.dimer import CLOSED, OPEN, Dimer, arrangements, relaxed
from vfe_lightning.hamiltonians.stretched_dimer import OPENING, StretchedDimer


@pytest.mark.parametrize("end", [0, 1])
def test_each_end_is_the_dimer_in_one_of_its_wells(end):
    h, both = StretchedDimer(4, float(end)), arrangements(4)
    here, there = relaxed(h, both[end : end + 1]), both[1 - end : 2 - end]
    torch.testing.assert_close(h.energy(here), Dimer(4).energy(here))
    assert (h.energy(there) > Dimer(4).energy(there) + 1000).all()  # the other well is behind the wall


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_one_well_moves(share):
    r = torch.linspace(0.3, 2.9, 2601, dtype=torch.float64)
    pair = torch.zeros(len(r), 2, 2, dtype=torch.float64)
    pair[:, 0, 0], pair[:, 1, 0] = -r / 2, r / 2
    u = StretchedDimer(0, share).energy(pair)
    lowest = r[u.argmin()].item()
    assert lowest == pytest.approx(CLOSED + share * OPENING, abs=2e-3)
    assert (u[(r - lowest).abs() > 0.5] > u.min() + 10).all()
    assert pytest.approx(OPEN) == CLOSED + OPENING
