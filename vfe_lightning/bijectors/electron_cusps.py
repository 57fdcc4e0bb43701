r"""A map of electrons among protons that gives Psi its cusps: d ln Psi / dr = -1 at protons, 1/2 at pairs.

First every electron moves by the protons, then those of spin up by those of spin down, in steps of one kind,

$$ y = x + \sum_c \phi_c(\rho_c) \, s_c, \qquad \phi_c = A_c (1 - \rho_c / R_c)^4_+ $$

with s and rho the smooth periodic difference and distance, gives ln |det dy/dx|^(1/2) the slope
-8 A / [R (1 + A)] at contact. At protons, where R ends at the next one, this is exact whatever else is near;
where opposite spins meet, but for the few per cent that others close by stretch space. The Jacobians have
blocks of three. Without cusps the local energy has no bound: T. Kato, Commun. Pure Appl. Math. 10, 151
(1957). Bohr, Hartree.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.periodic_forces import periodic
from vfe_lightning.calculus.chain_rule import each_alone
from vfe_lightning.calculus.forward_laplacian import (
    Field,
    Traced,
    composed,
    less,
    log_det_of_one_and,
    of_square,
    value_of,
)
from vfe_lightning.calculus.runge_kutta import State

AT_PROTONS, OPPOSITE = -1.0, 0.5  # d ln Psi / dr at contact
ROUNDS = 20  # of the inverse, each of which leaves a fifth of the error
AXES = range(3)


class ElectronCusps(nn.Module):
    """Of n_up + n_down electrons; it has no parameters.

    Args:
        at_protons, of_pairs: the largest R, in Bohr.
    """

    def __init__(self, n_up: int, n_down: int, length: float, at_protons: float, of_pairs: float) -> None:
        super().__init__()
        self.n_up, self.n_down, self.length = n_up, n_down, length
        self.at_protons, self.of_pairs = at_protons, of_pairs

    def at(self, protons: Tensor) -> "CuspsAtProtons":
        """Among protons (batch, N, 3), those of each walker."""
        return CuspsAtProtons(self, protons)


class CuspsAtProtons:
    """On the states of a flow: positions (batch, 3, n) or their triple of derivatives, then ln|det|."""

    def __init__(self, cusps: ElectronCusps, protons: Tensor) -> None:
        count, n_up = protons.shape[1], cusps.n_up
        one = torch.eye(n_up + cusps.n_down, dtype=protons.dtype, device=protons.device)
        reach = _to_the_next(protons, cusps.length).clamp(max=cusps.at_protons).repeat(1, len(one))
        places = protons.mT.repeat(1, 1, len(one))
        apart = one.repeat_interleave(count, 1)
        self.draws = [_Draw(one, apart, places, reach, AT_PROTONS, cusps.length)]
        if cusps.n_down:
            apart = (one[:n_up, None] - one[n_up:]).flatten(0, 1).T
            of_pairs = torch.full_like(reach[:1, :1], cusps.of_pairs)
            self.draws.append(_Draw(one[:n_up], apart, None, of_pairs, OPPOSITE, cusps.length))

    def back(self, state: State) -> State:
        """y of x."""
        position: Any = state[0] if len(state) < 6 else Traced(*state[:3])
        change: Any = None
        for draw in self.draws:
            step, found = draw.pull(position)
            position, change = position + step, found if change is None else change + found
        if isinstance(position, Tensor):
            return [position, *(t + change for t in state[1:])]
        return [*position, *(t + c for t, c in zip(state[3:], change, strict=True))]

    def forth(self, state: State) -> State:
        """x of y, and ln|det dx/dz| where the state goes on with it."""
        position, rest = state[0], state[1:]
        for draw in reversed(self.draws):
            end = position
            for _ in range(ROUNDS):
                position = end - draw.pull(position)[0]
            rest = [t - draw.pull(position)[1] for t in rest]
        return [position, *rest]


class _Draw:
    """What moves some of the electrons: C protons, or C of the others.

    Args:
        movers, apart: matrices (movers, n) and (n, movers C).
        places: of the protons, (batch, 3, movers C).
        reach: R, (batch, movers C) or one for all.
    """

    def __init__(
        self,
        movers: Tensor,
        apart: Tensor,
        places: Tensor | None,
        reach: Tensor,
        contact: float,
        length: float,
    ) -> None:
        self.movers, self.apart, self.places, self.reach = movers, apart, places, reach
        share = -contact * reach / 8
        self.strength, self.length = share / (1 - share), length

    def pull(self, x: Field) -> tuple[Field, Field]:
        """y - x, (batch, 3, n), and ln|det dy/dx|, (batch,)."""
        if self.places is None:
            step, log_det = self._together(each_alone(self._parts, x @ self.apart))
        else:  # on each electron by its own place alone
            places = self.places
            step, log_det = each_alone(lambda y: self._together(self._parts(less(y @ self.apart, places))), x)
        return step @ self.movers, log_det.sum(-1)

    def _parts(self, d: Field) -> tuple[Field, Field]:
        """Of each pair, at differences (batch, 3, pairs): its share of the step, and of 1 - dy/dx."""
        along, squares = periodic(value_of(d), self.length)
        s = composed(d, along)
        phi, slope = self._phi(composed(d, squares).sum(-2))
        bent = s.unsqueeze(-2) * (s * slope.unsqueeze(-2)).unsqueeze(-3) * 2.0  # (batch, 3, 3, pairs)
        stretch = composed(d, along[1:]) * phi.unsqueeze(-2)
        one = torch.eye(3, dtype=self.reach.dtype, device=self.reach.device)[..., None]
        return s * phi.unsqueeze(-2), bent + stretch.unsqueeze(-2) * one

    def _together(self, parts: Sequence[Field]) -> tuple[Field, Field]:
        """Of each mover, (batch, 3, movers) and (batch, movers), of parts of its pairs."""
        count = len(self.movers)
        shape = (count, self.apart.shape[1] // count)
        summed: list[Any] = [f.unflatten(-1, shape).sum(-1) for f in parts]
        step, matrix = summed
        return step, log_det_of_one_and([[_entry(matrix, a, b) for b in AXES] for a in AXES])

    def _phi(self, square: Field) -> tuple[Field, Field]:
        """phi and its derivative in the squared distance."""
        rho = value_of(square).sqrt()
        left, r = (1 - rho / self.reach).clamp(min=0), self.reach
        first = -4 * self.strength / r * left**3
        second, third = 12 * self.strength / r**2 * left.square(), -24 * self.strength / r**3 * left
        u = of_square(rho, [self.strength * left**4, first, second, third])
        return composed(square, u), composed(square, u[1:])


def _to_the_next(protons: Tensor, length: float) -> Tensor:
    """Smooth periodic distance of each proton from its next neighbour: (batch, N, 3) -> (batch, N)."""
    d = protons[:, :, None] - protons[:, None]
    square = periodic(d, length)[1][0].sum(-1)
    own = torch.eye(protons.shape[1], dtype=square.dtype, device=square.device) * 3 * (length / math.pi) ** 2
    return (square + own).amin(-1).sqrt()


def _entry(matrix: Field, a: int, b: int) -> Field:
    """Of matrices (batch, 3, 3, movers): (batch, movers)."""
    if isinstance(matrix, Tensor):
        return matrix[..., a, b, :]
    return type(matrix)(*(t[..., a, b, :] for t in matrix))
