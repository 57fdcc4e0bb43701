"""Ewald sums against another splitting, known lattices, and a direct sum without any splitting."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from vfe_lightning.hamiltonians.ewald import Ewald


def points(batch: int, n: int, dim: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(batch, n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def direct_sum(x: torch.Tensor, images: int) -> float:
    """Charges and background cell by cell, without splitting, over the cells of a cube: (n, dim) -> energy.

    Each periodic electron is a point charge and its own cell of background, which has a quadrupole
    but no charge and no dipole. In 2D the sum over cells converges as 1 / images; in 3D it
    converges to a value that depends on the shape of the sum by (2 pi / 3) |sum r|^2 and on the
    spread of the background by a constant, so that 3D is tested by other means.
    """
    dim = x.shape[1]
    assert dim == 2
    total = 0.0
    cells = list(itertools.product(range(-images, images + 1), repeat=2))
    shift = torch.tensor(cells, dtype=torch.float64)
    edges = torch.tensor([-images - 0.5, images + 0.5], dtype=torch.float64)

    def background(at: torch.Tensor) -> float:
        """Potential at a point of the uniform charge on the square of all cells around the origin."""

        def corner(u: float, v: float) -> float:
            r = math.hypot(u, v)
            return u * math.log(v + r) + v * math.log(u + r)

        u, v = (edges - at[0]).tolist(), (edges - at[1]).tolist()
        return corner(u[1], v[1]) - corner(u[0], v[1]) - corner(u[1], v[0]) + corner(u[0], v[0])

    for i, j in itertools.product(range(len(x)), repeat=2):
        r = x[i] - x[j]
        r = r - r.round()
        distance = (r + shift).norm(dim=1)
        if i == j:
            distance = distance[distance > 0]
        total += 0.5 * (float((1 / distance).sum()) - background(r))
    return total


# Madelung constants of the simple lattices in units of the box: Borwein et al., Lattice Sums Then and Now
# (2013); 2D -3.900264920001956 is 4 zeta(1/2) beta(1/2); 3D -2.837297479480620.
@pytest.mark.parametrize(("dim", "madelung"), [(2, -3.900264920001956), (3, -2.837297479480620)])
def test_madelung_constants(dim, madelung):
    assert Ewald(dim).madelung == pytest.approx(madelung, abs=1e-10)


@pytest.mark.parametrize(("dim", "other"), [(2, 12.0), (3, 11.0)])
def test_energy_does_not_depend_on_the_splitting(dim, other):
    x = points(4, 5, dim)
    torch.testing.assert_close(Ewald(dim)(x), Ewald(dim, other)(x), rtol=0, atol=1e-9)
    torch.testing.assert_close(
        Ewald(dim, 12.0, 22)(x), Ewald(dim, 11.0, 22)(x), rtol=0, atol=1e-10, msg="with many vectors"
    )
    torch.testing.assert_close(
        Ewald(dim, 12.0, 22)(x), Ewald(dim, 4.0, 9, images=1)(x), rtol=0, atol=1e-10, msg="with images"
    )


def test_two_dimensions_against_the_sum_over_cells():
    """The rest of the sum over cells falls as 1 / images: extrapolated from two sizes."""
    x = points(1, 3, 2)[0]
    coarse, fine = direct_sum(x, 30), direct_sum(x, 60)
    # (2 images + 1) is the side of the square of cells
    extrapolated = (121 * fine - 61 * coarse) / 60
    assert float(Ewald(2)(x[None])[0]) == pytest.approx(extrapolated, abs=1e-4)
    assert abs(fine - extrapolated) > 1e-4  # the extrapolation is what makes it agree


def test_simple_lattice_in_a_larger_cell():
    """The simple lattice as 2^dim points of a larger cell: the Madelung constant of half the box."""
    for dim in (2, 3):
        grid = torch.cartesian_prod(*[torch.tensor([0.0, 0.5], dtype=torch.float64)] * dim)
        n = len(grid)
        expected = n * 2 * Ewald(dim).madelung / 2
        assert float(Ewald(dim)(grid[None])[0]) == pytest.approx(expected, abs=1e-8)


def test_three_dimensions_body_centred_cubic_lattice():
    """Energy per electron of the Wigner crystal, -1.791858 / r_s Ry: Coldwell-Horsfall & Maradudin (1960)."""
    x = torch.tensor([[[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]], dtype=torch.float64)
    side = (4 * math.pi / 3 * 2) ** (1 / 3)  # in r_s
    assert 2 * float(Ewald(3)(x)[0]) / side / 2 == pytest.approx(-1.79185851, abs=1e-7)


def test_pair_potential_has_mean_zero():
    """The background takes the mean of the pair potential: its average over the box, by a fine quadrature."""
    ewald = Ewald(2)
    alone = ewald.madelung

    def pair(y: float, x: float) -> float:
        return float(ewald(torch.tensor([[[0.0, 0.0], [x, y]]], dtype=torch.float64))[0]) - alone

    # the 1 / r singularity at the corner is integrated exactly: x = r cos, y = r sin over a triangle
    def polar(u: float, angle: float) -> float:
        r = u * 0.5 / math.cos(angle)
        return pair(r * math.sin(angle), r * math.cos(angle)) * r * 0.5 / math.cos(angle)

    def along(angle: float) -> float:
        return integrate.fixed_quad(lambda u: [polar(v, angle) for v in u], 0, 1, n=24)[0]

    mean, _ = integrate.fixed_quad(lambda angles: [along(a) for a in angles], 0, math.pi / 4, n=12)
    assert 8 * mean == pytest.approx(0.0, abs=1e-8)


@settings(max_examples=20, deadline=None)
@given(
    dim=st.sampled_from([2, 3]),
    n=st.integers(1, 6),
    seed=st.integers(0, 2**20),
    shift=st.lists(st.floats(-2, 2), min_size=3, max_size=3),
)
def test_invariance_under_permutation_translation_and_lattice_vectors(dim, n, seed, shift):
    ewald = Ewald(dim, kappa=6.0)
    x = points(1, n, dim, seed)
    energy = ewald(x)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    moved = x + torch.tensor(shift[:dim], dtype=torch.float64)
    folded = x + torch.randint(-2, 3, x.shape, generator=torch.Generator().manual_seed(seed))
    for other in (x[:, order], moved, folded, -x, x.flip(-1)):
        torch.testing.assert_close(ewald(other), energy, rtol=1e-10, atol=1e-8)


def test_one_charge_sees_its_own_images():
    assert float(Ewald(2)(points(1, 1, 2))[0]) == pytest.approx(Ewald(2).madelung / 2, rel=1e-12)


def test_four_dimensions_are_refused():
    with pytest.raises(ValueError, match="dim = 2 and 3, got 4"):
        Ewald(4)
