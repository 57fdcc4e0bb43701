"""Colours on a lattice against their definition."""

import torch

from vfe_lightning.hamiltonians import lattices
from vfe_lightning.hamiltonians.potts import Potts, cycled, order_parameter
from vfe_lightning.hamiltonians.spins import PairwiseSpins


def colours(q: int, batch: int, sites: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(q, (batch, sites), generator=generator).double()


def test_energy_counts_equal_neighbours():
    L, x = 5, colours(3, 4, 25)
    energy = Potts(lattices.bonds(L, lattices.SQUARE), 0.7).energy(x)
    grid = x.view(-1, L, L)
    for e, g in zip(energy, grid, strict=True):
        equal = sum(
            float(g[r, c] == g[(r + down) % L, (c + right) % L])
            for r in range(L) for c in range(L) for down, right in lattices.SQUARE
        )  # fmt: skip
        torch.testing.assert_close(e.item(), -0.7 * equal)


def test_two_colours_are_spins():
    bonds, x = lattices.bonds(4, lattices.SQUARE, periodic=False), colours(2, 9, 16)
    spins = PairwiseSpins(lattices.couplings(bonds, 0.5 * 1.3, 16))
    shifted = spins.energy(2 * x - 1) - 0.5 * 1.3 * len(bonds)
    torch.testing.assert_close(Potts(bonds, 1.3).energy(x), shifted)


def test_energies_do_not_know_what_colours_are_called():
    H, x = Potts(lattices.bonds(4, lattices.SQUARE), 1.0), colours(5, 9, 16)
    images = [cycled(x, k, 5) for k in range(5)]
    assert torch.equal(images[0], x)
    for image in images:
        assert torch.equal(H.energy(image), H.energy(x)) and set(image.unique().tolist()) <= set(range(5))
    assert torch.equal(cycled(images[2], 3, 5), x)


def test_order_parameter_is_one_in_order_and_zero_in_perfect_disorder():
    x = torch.stack([torch.full((6,), 2.0), torch.tensor([0.0, 0, 1, 1, 2, 2])])
    torch.testing.assert_close(order_parameter(x, 3), torch.tensor([1.0, 0.0]))
