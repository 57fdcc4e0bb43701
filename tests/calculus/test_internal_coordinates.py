"""The Z-matrix: there and back, the volume element, and angles that are known."""

import math

import pytest
import torch
from torch.func import jacrev

from vfe_lightning.calculus.internal_coordinates import angle, cartesian, internal, torsion, z_matrix

BONDS = [(0, 1), (1, 2), (2, 3), (3, 4), (2, 5), (2, 6), (0, 7)]
PLACES = z_matrix(range(8), BONDS)


def atoms(batch=4):
    return torch.randn(batch, 8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_there_and_back():
    x = atoms()
    q = internal(x, PLACES)
    assert q.shape == (4, 18)
    y, _ = cartesian(q, PLACES)
    torch.testing.assert_close(torch.cdist(y, y), torch.cdist(x, x), rtol=0, atol=1e-10)
    torch.testing.assert_close(internal(y, PLACES), q, rtol=0, atol=1e-10)
    mirrored = internal(x * torch.tensor([1.0, 1.0, -1.0]), PLACES)
    torch.testing.assert_close(mirrored[:, -5:], -q[:, -5:], rtol=0, atol=1e-10)


def test_every_atom_is_placed_by_atoms_before_it():
    for k, place in enumerate(PLACES):
        used = [place.b, place.a, place.d][: min(k, 3)]
        assert len(set(used)) == len(used) and all(u in range(k) for u in used)
        assert k == 0 or (min(place.b, k), max(place.b, k)) in [tuple(sorted(b)) for b in BONDS]
    assert PLACES[6].d == 5  # a second atom on the same one is counted from the first


def test_volume_element():
    """Against the determinant of all Cartesian coordinates by bonds, angles, torsions and a rigid frame."""
    q = internal(atoms(1), PLACES)

    def placed(z):
        x, _ = cartesian(z[None, 6:], PLACES)
        a, b, c = z[3], z[4], z[5]
        one, zero = torch.ones_like(a), torch.zeros_like(a)
        turn_z = torch.stack([a.cos(), -a.sin(), zero, a.sin(), a.cos(), zero, zero, zero, one]).view(3, 3)
        turn_y = torch.stack([b.cos(), zero, b.sin(), zero, one, zero, -b.sin(), zero, b.cos()]).view(3, 3)
        turn_x = torch.stack([one, zero, zero, zero, c.cos(), -c.sin(), zero, c.sin(), c.cos()]).view(3, 3)
        return (x[0] @ (turn_z @ turn_y @ turn_x).mT + z[:3]).flatten()

    frame = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], dtype=torch.float64)
    jacobian = jacrev(placed)(torch.cat([frame, q[0]]))
    rotation = math.log(math.cos(0.5))  # of these Euler angles
    expected = cartesian(q, PLACES)[1][0] + rotation
    assert torch.linalg.slogdet(jacobian)[1].item() == pytest.approx(expected.item(), abs=1e-9)


def test_signs_and_angles():
    points = torch.tensor([[1.0, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1]], dtype=torch.float64)[:, None]
    d, a, b, k = points
    assert angle(k, b, a).item() == pytest.approx(math.pi / 2)
    assert torsion(d, a, b, k).item() == pytest.approx(torsion(k, b, a, d).item())
    assert abs(torsion(k, b, a, d).item()) == pytest.approx(math.pi / 2)
    # IUPAC: positive where the far bond is turned clockwise, seen along the axis
    assert torsion(k, b, a, d).item() < 0
