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
from typing import Any, Generic, NamedTuple

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.periodic_forces import periodic
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
        self.length, count, n_up = cusps.length, protons.shape[1], cusps.n_up
        one = torch.eye(n_up + cusps.n_down, dtype=protons.dtype, device=protons.device)
        reach = _to_the_next(protons, self.length).clamp(max=cusps.at_protons)[:, None]
        of_protons = _Draw(one, one.repeat_interleave(count, 1), protons.mT[:, :, None], reach, AT_PROTONS)
        self.draws = [of_protons]
        if cusps.n_down:
            apart = (one[:n_up, None] - one[n_up:]).flatten(0, 1).T
            of_pairs = torch.full_like(reach[:1, :, :1], cusps.of_pairs)
            self.draws.append(_Draw(one[:n_up], apart, None, of_pairs, OPPOSITE))

    def back(self, state: State) -> State:
        """y of x."""
        position: Any = state[0] if len(state) < 6 else Traced(*state[:3])
        change: Any = None
        for draw in self.draws:
            pull = self._pull(position, draw)
            found = pull.log_det()
            position, change = position + pull.step(), found if change is None else change + found
        if isinstance(position, Tensor):
            return [position, *(t + change for t in state[1:])]
        return [*position, *(t + c for t, c in zip(state[3:], change, strict=True))]

    def forth(self, state: State) -> State:
        """x of y, and ln|det dx/dz| where the state goes on with it."""
        position, rest = state[0], state[1:]
        for draw in reversed(self.draws):
            end = position
            for _ in range(ROUNDS):
                position = end - self._pull(position, draw).step()
            rest = [t - self._pull(position, draw).log_det() for t in rest]
        return [position, *rest]

    def _pull(self, x: Field, draw: "_Draw") -> "_Pull[Field]":
        d = draw.differences(x)
        along, squares = periodic(value_of(d), self.length)
        square = composed(d, squares).sum(-3)
        return _Pull(draw.movers, composed(d, along), composed(d, along[1:]), *draw.phi(square))


class _Pull(NamedTuple, Generic[Field]):
    """At positions x of C on each mover."""

    movers: Tensor  # (movers, n)
    s: Field  # (batch, 3, movers, C)
    slope_of_s: Field  # ds / dx of each component
    phi: Field  # (batch, movers, C)
    slope: Field  # in the squared distance

    def step(self) -> Field:
        """y - x, (batch, 3, n)."""
        return (self.s * self.phi.unsqueeze(-3)).sum(-1) @ self.movers

    def log_det(self) -> Field:
        """ln|det dy/dx|, (batch,)."""
        along = [_axis(self.s, a) for a in AXES]
        bent = [f * self.slope * 2.0 for f in along]
        rows = [[(along[a] * bent[b]).sum(-1) for b in AXES] for a in AXES]
        stretch = (self.slope_of_s * self.phi.unsqueeze(-3)).sum(-1)
        for a in AXES:
            rows[a][a] = rows[a][a] + _axis(stretch, a)
        return log_det_of_one_and(rows).sum(-1)


class _Draw:
    """What moves some of the electrons: C protons, or C of the others."""

    def __init__(
        self, movers: Tensor, apart: Tensor, places: Tensor | None, reach: Tensor, contact: float
    ) -> None:
        """Matrices (movers, n) and (n, movers C), what is taken off, and R, (batch, 1, C) or like it."""
        self.movers, self.apart, self.places, self.reach = movers, apart, places, reach
        share = -contact * reach / 8
        self.strength = share / (1 - share)

    def differences(self, x: Field) -> Field:
        """Of each mover from each of the C: (batch, 3, n) -> (batch, 3, movers, C)."""
        count = len(self.movers)
        d: Any = (x @ self.apart).unflatten(-1, (count, self.apart.shape[1] // count))
        return d if self.places is None else less(d, self.places)

    def phi(self, square: Field) -> tuple[Field, Field]:
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


def _axis(f: Field, a: int) -> Field:
    """One of three components, which stand before the movers, or before these and what draws them."""
    if isinstance(f, Tensor):
        return f.select(1, a)
    return Traced(f.value.select(1, a), f.gradient.select(2, a), f.laplacian.select(1, a))
