r"""The map next to x that gives electrons of opposite spins their cusp, d ln Psi / dr = kappa at contact.

H psi / psi stays finite where two of them meet if kappa is r_s / (dim - 1) in units of r_s a_0: 1 / a_0 in
the plane and 1 / (2 a_0) in space. T. Kato, Commun. Pure Appl. Math. 10, 151 (1957); R. Pack, W. Byers
Brown, J. Chem. Phys. 45, 556 (1966). Electrons of spin up move in a field that those of spin down make:

$$ y_i = x_i + \sum_j \omega_{ij} \, \phi(\rho_{ij}) \, s_{ij}, \quad
   \phi(\rho) = a (1 - \tanh(\rho / b)), \quad
   \omega_{ij} = \rho_{ij}^{-4} \Big/ \sum_k \rho_{ik}^{-4}, $$

s = (L / 2 pi) sin(2 pi r / L) and rho^2 = (L / pi)^2 sum sin^2(pi r / L), both r at contact. There the
weights omega leave the one partner alone, up to rho^4, whatever is near: y = r (1 + a - a r / b), and |det
dy/dx|^(1/2) has the slope -(dim + 1) a / (2 b (1 + a)) = kappa in every direction. With sums over all
partners instead, the cusp would be wrong where three meet. It is exact for what is smooth in y at contact.

det dy/dx is a product of determinants of one electron each, since the others stay where they are.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from vfe_lightning.bijectors.periodic_forces import periodic
from vfe_lightning.calculus.forward_laplacian import (
    Traced,
    composed,
    coordinates,
    log_det_of_one_and,
    of_square,
    reciprocal,
    value_of,
)

REACH = 0.65  # of the cusp, in r_s a_0: what neighbours leave free; as low an energy as any before training
LARGEST = 0.25  # of it, in sides of the box


class CuspJet(NamedTuple):
    """The map x -> y and ln det dy/dx at a batch of points; D = n dim coordinates."""

    y: Tensor  # (batch, n, dim)
    jacobian: Tensor  # (batch, D, D)
    laplacian: Tensor  # (batch, n, dim)
    log_det: Tensor  # (batch,)
    log_det_gradient: Tensor  # (batch, n, dim)
    log_det_laplacian: Tensor  # (batch,)


class PeriodicCusp(nn.Module):
    """Of n_up and n_down electrons in a cube; it has no parameters.

    Args:
        slope: kappa, in the inverse of r_s a_0.
        reach: the longest b.

    Attributes:
        reach: b, at most a quarter of the box.
        strength: a, between -1 and 0 for electrons, which repel.
    """

    difference: Tensor  # (1 + n_down, n_down): of one electron of spin up and those of spin down
    first: Tensor  # (1 + n_down, 1): the one of spin up

    def __init__(
        self, n_up: int, n_down: int, dim: int, length: float, slope: float, reach: float = REACH
    ) -> None:
        super().__init__()
        self.n_up, self.length = n_up, length
        self.reach = min(reach, LARGEST * length)
        steepness = 2 * self.reach * slope
        self.strength = -steepness / (dim + 1 + steepness)
        one = torch.eye(1 + n_down, dtype=torch.float64)
        self.register_buffer("difference", one[0][:, None] - one[:, 1:], persistent=False)
        self.register_buffer("first", one[:, :1].clone(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """y (batch, n, dim)."""
        moved, _ = self._field(self._rows(x))
        return self._with_spin_down(moved, x)

    def jac(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """y and dy/dx, (batch, n dim, n dim)."""
        moved, slopes = self._field(self._rows(x))
        of_r = slopes.unflatten(0, (len(x), self.n_up)).movedim(4, 3)  # batch, i, a, j, c
        return self._with_spin_down(moved, x), _dense(of_r.sum(3), -of_r)

    @torch.no_grad()
    def jet(self, x: Tensor) -> CuspJet:
        """All that a Laplacian of |det dy/dx|^(1/2) Psi(y) needs; constants to autograd."""
        batch, dim = len(x), x.shape[2]
        moved, slopes = self._field(coordinates(self._rows(x)))
        slope, axes = slopes.sum(-1), range(dim)
        log_det = log_det_of_one_and([[_at(slope, i, j) for j in axes] for i in axes])

        def by_electron(gradient: Tensor) -> Tensor:  # batch, i, ..., electron, c
            split = gradient.unflatten(0, (dim, -1)).unflatten(2, (batch, self.n_up))
            return split.movedim((1, 0), (-2, -1))

        displaced, bent = by_electron(moved.gradient), by_electron(log_det.gradient)
        one = torch.eye(dim, dtype=x.dtype, device=x.device)
        return CuspJet(
            self._with_spin_down(moved.value, x),
            _dense(displaced[:, :, :, 0] - one, displaced[:, :, :, 1:]),
            self._with_spin_down(moved.laplacian, torch.zeros_like(x)),
            log_det.value.view(batch, -1).sum(1),
            torch.cat([bent[:, :, 0], bent[:, :, 1:].sum(1)], dim=1),
            log_det.laplacian.view(batch, -1).sum(1),
        )

    def _rows(self, x: Tensor) -> Tensor:
        """Each electron of spin up with all of spin down: (batch n_up, dim, 1 + n_down)."""
        up, down = x[:, : self.n_up, :, None], x[:, None, self.n_up :].mT
        return torch.cat([up, down.expand(-1, self.n_up, -1, -1)], dim=3).flatten(0, 1)

    def _with_spin_down(self, up: Tensor, x: Tensor) -> Tensor:
        return torch.cat([up.view(len(x), self.n_up, -1), x[:, self.n_up :]], dim=1)

    def _field(self, rows: Any) -> tuple[Any, Any]:
        """y_i, and its derivatives in each r_ij but for those of x_i: (rows, dim), (rows, dim, dim, n_down).

        rows are plain, or carried with derivatives.
        """
        r = rows @ self.difference
        along, squares = periodic(value_of(r), self.length)
        s, slope_of_s = composed(r, along), composed(r, along[1:])
        square = composed(r, squares).sum(-2)
        phi, slope = self._phi(square)
        # a common factor of the weights drops out: none overflows
        nearest = value_of(square).detach().amin(-1, keepdim=True)
        inverse = reciprocal(square)
        share = inverse * nearest
        share = share * share
        weight = share * reciprocal(share.sum(-1)).unsqueeze(-1)
        pull = s * phi.unsqueeze(-2)
        mean = (pull * weight.unsqueeze(-2)).sum(-1)
        apart = (mean.unsqueeze(-1) - pull) * inverse.unsqueeze(-2)
        along_s = s * slope.unsqueeze(-2) * 2.0 + apart * 4.0
        unit = torch.eye(along[0].shape[1], dtype=along[0].dtype, device=along[0].device)[:, :, None]
        on_axes = (slope_of_s * phi.unsqueeze(-2)).unsqueeze(-2) * unit
        slopes = (along_s.unsqueeze(-2) * s.unsqueeze(-3) + on_axes) * weight.unsqueeze(-2).unsqueeze(-2)
        return (rows @ self.first).sum(-1) + mean, slopes

    def _phi(self, square: Any) -> tuple[Any, Any]:
        """phi and its derivative in the squared distance."""
        a, b = self.strength, self.reach
        rho = value_of(square).sqrt()
        tanh = torch.tanh(rho / b)
        bell = 1 - tanh.square()
        first, second, third = -a / b * bell, 2 * a / b**2 * tanh * bell, -a / b**3 * bell * (4 - 6 * bell)
        u = of_square(rho, [a * (1 - tanh), first, second, third])
        return composed(square, u), composed(square, u[1:])


def _dense(own: Tensor, others: Tensor) -> Tensor:
    """dy/dx of own (batch, i, a, c), less one, and others (batch, i, a, j, c): (batch, D, D)."""
    batch, n_up, dim, n_down, _ = others.shape
    one = torch.eye(n_up, dtype=own.dtype, device=own.device)
    up = own[:, :, :, None] * one[:, None, :, None]
    moved = torch.cat([up, others], dim=3).reshape(batch, n_up * dim, -1)
    return pad(moved, (0, 0, 0, n_down * dim)) + torch.eye(
        (n_up + n_down) * dim, dtype=own.dtype, device=own.device
    )


def _at(m: Traced, i: int, j: int) -> Traced:
    return Traced(*(t[..., i, j] for t in m))
