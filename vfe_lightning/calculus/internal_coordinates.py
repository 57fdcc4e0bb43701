r"""Bonds, angles and torsions of a molecule, and its atoms from them: the Z-matrix.

Atom k > 2 is placed at distance r from atom b, at the angle theta with the bond of b to a, and turned by the
torsion phi about it, counted from d: Parsons et al., J. Comput. Chem. 26, 1063 (2005). Position and
orientation of the whole apart, the volume element is

$$ d^{3N} x \propto \prod_{k \ge 1} r_k^2 \prod_{k \ge 2} \sin \theta_k \; dr \, d\theta \, d\phi. $$
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Place:
    """Which atoms an atom is placed by: bonded to b, with a and d to count the angle and the torsion from."""

    atom: int
    b: int = -1
    a: int = -1
    d: int = -1


def z_matrix(order: Sequence[int], bonds: Sequence[tuple[int, int]]) -> list[Place]:
    """Places of all atoms; each is bonded to one before it in `order`, the first three are a chain.

    A second atom on the same b is counted from the first, an improper torsion that stays near its value.
    """
    neighbours: dict[int, list[int]] = {atom: [] for atom in order}
    for i, j in bonds:
        neighbours[i].append(j)
        neighbours[j].append(i)
    placed: list[int] = []
    places = []
    for atom in order:
        near = [p for p in placed if p in neighbours[atom]]
        if not placed:
            places.append(Place(atom))
        elif len(placed) == 1:
            places.append(Place(atom, near[0]))
        else:
            b = near[0]
            a, *others = [p for p in placed if p in neighbours[b]]
            if len(placed) == 2:
                places.append(Place(atom, b, a))
            else:
                d = others[-1] if others else next(p for p in placed if p in neighbours[a] and p != b)
                places.append(Place(atom, b, a, d))
        placed.append(atom)
    return places


def internal(x: Tensor, places: Sequence[Place]) -> Tensor:
    """Bonds, then angles, then torsions in (-pi, pi]: (batch, atoms, 3) -> (batch, 3 atoms - 6)."""
    bonds = [(x[:, p.atom] - x[:, p.b]).norm(dim=1) for p in places[1:]]
    angles = [angle(x[:, p.atom], x[:, p.b], x[:, p.a]) for p in places[2:]]
    torsions = [torsion(x[:, p.atom], x[:, p.b], x[:, p.a], x[:, p.d]) for p in places[3:]]
    return torch.stack([*bonds, *angles, *torsions], dim=1)


def cartesian(q: Tensor, places: Sequence[Place]) -> tuple[Tensor, Tensor]:
    """Atoms, the first at the origin, and the logarithm of the volume element, the inverse of `internal`.

    (batch, 3 atoms - 6) -> (batch, atoms, 3), (batch,).
    """
    n = len(places)
    r, theta, phi = q.split([n - 1, n - 2, n - 3], dim=1)
    zero = torch.zeros_like(r[:, 0])
    x: dict[int, Tensor] = {
        places[0].atom: torch.stack([zero, zero, zero], dim=1),
        places[1].atom: torch.stack([r[:, 0], zero, zero], dim=1),
    }
    third = places[2]
    towards = x[third.a] - x[third.b]
    axis = towards / towards.norm(dim=1, keepdim=True)
    up = torch.stack([zero, zero + 1, zero], dim=1)
    c, s, length = theta[:, :1].cos(), theta[:, :1].sin(), r[:, 1:2]
    x[third.atom] = x[third.b] + length * (c * axis + s * up)
    for k, p in enumerate(places[3:]):
        x[p.atom] = x[p.b] + r[:, k + 2, None] * _direction(
            x[p.b], x[p.a], x[p.d], theta[:, k + 1, None], phi[:, k, None]
        )
    log_volume = 2 * r.abs().log().sum(dim=1) + theta.sin().abs().log().sum(dim=1)
    return torch.stack([x[k] for k in range(n)], dim=1), log_volume


def angle(k: Tensor, b: Tensor, a: Tensor) -> Tensor:
    """Between the bonds b-k and b-a: (batch, 3) each -> (batch,)."""
    u, v = k - b, a - b
    return torch.atan2(torch.linalg.cross(u, v).norm(dim=1), (u * v).sum(dim=1))


def torsion(k: Tensor, b: Tensor, a: Tensor, d: Tensor) -> Tensor:
    """About the axis b-a, with the sign of IUPAC: (batch, 3) each -> (batch,)."""
    axis = (a - b) / (a - b).norm(dim=1, keepdim=True)
    u, v = torch.linalg.cross(k - b, axis), torch.linalg.cross(d - a, axis)
    return torch.atan2((torch.linalg.cross(u, v) * axis).sum(dim=1), (u * v).sum(dim=1))


def _direction(b: Tensor, a: Tensor, d: Tensor, theta: Tensor, phi: Tensor) -> Tensor:
    """Unit vector from b at an angle with b-a and a torsion from d, (batch, 1) each: (batch, 3)."""
    axis = (a - b) / (a - b).norm(dim=1, keepdim=True)
    away = d - a
    across = away - (away * axis).sum(dim=1, keepdim=True) * axis
    across = across / across.norm(dim=1, keepdim=True)
    turned = torch.linalg.cross(across, axis)
    return theta.cos() * axis + theta.sin() * (phi.cos() * across + phi.sin() * turned)
