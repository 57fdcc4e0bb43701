r"""A map of electrons among protons that gives Psi all cusps: d ln Psi / dr = -1 at protons, 1/2 at pairs.

An electron at x moves by a mean over the protons and, of spin up, over the electrons of spin down,

$$ y = x + \sum_c w_c \phi_c(\rho_c) \, s_c, \qquad
   w_c \propto \rho_c^{-4}, \quad \phi_c = A_c (1 - \tanh(\rho_c / b_c)) $$

with s and rho the smooth periodic difference and distance, so that where it meets one of them the others do
not matter, and ln |det dy/dx|^(1/2) has the slope -2 A / [b (1 + A)] in all directions, exactly and in any
crowd. The Jacobian is triangular, of blocks of three: spin down does not see spin up. Without cusps the local
energy has no bound: T. Kato, Commun. Pure Appl. Math. 10, 151 (1957). Bohr, Hartree.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vfe_lightning.calculus.forward_laplacian import Field, Traced, composed, less, reciprocal
from vfe_lightning.calculus.runge_kutta import State

AT_PROTONS, OPPOSITE = -1.0, 0.5  # d ln Psi / dr at contact
ROUNDS = 20  # of the inverse, each of which leaves a fifth of the error
AXES = range(3)


class Movers(NamedTuple):
    """Electrons of one spin, and what each of them is drawn by: C protons and electrons."""

    moved: Tensor  # (movers, n): one at their places
    apart: Tensor  # (n, movers C): differences from the electrons among these, and from nothing
    others: int  # the electrons among the C
    strength: Tensor  # (C,): A
    reach: Tensor  # (C,): b


class ElectronCusps(nn.Module):
    """Of n_up + n_down electrons and `protons` protons; it has no parameters.

    Args:
        at_protons, of_pairs: the reaches b, in Bohr, below 2.
    """

    def __init__(
        self, n_up: int, n_down: int, protons: int, length: float, at_protons: float, of_pairs: float
    ) -> None:
        super().__init__()
        self.wave_number = math.pi / length
        self.others = [n_down, 0] if n_down else [0]
        one, start = torch.eye(n_up + n_down, dtype=torch.float64), 0
        for k, (count, others) in enumerate(zip((n_up, n_down), self.others, strict=False)):
            own, partners = one[start : start + count], one[n_up : n_up + others]
            apart = torch.cat([own.new_zeros(protons, len(one)), partners])
            reach = torch.tensor([at_protons] * protons + [of_pairs] * others, dtype=torch.float64)
            share = (
                torch.tensor([-AT_PROTONS] * protons + [-OPPOSITE] * others, dtype=torch.float64) * reach / 2
            )
            tables = (own, (own[:, None] - apart).flatten(0, 1).T, share / (1 - share), reach)
            for name, table in zip(("moved", "apart", "strength", "reach"), tables, strict=True):
                self.register_buffer(f"{name}_{k}", table.contiguous(), persistent=False)
            start += count

    def at(self, protons: Tensor) -> "CuspsAtProtons":
        """Among protons (batch, N, 3), those of each walker."""
        return CuspsAtProtons(self, protons)

    def movers(self) -> list[Movers]:
        """Spin up, and spin down where there is one."""
        found = []
        for k, others in enumerate(self.others):
            moved, apart, strength, reach = (
                getattr(self, f"{name}_{k}") for name in ("moved", "apart", "strength", "reach")
            )
            found.append(Movers(moved, apart, others, strength, reach))
        return found


class CuspsAtProtons:
    """On the states of a flow: positions (batch, 3, n) or their triple of derivatives, then ln|det|."""

    def __init__(self, cusps: ElectronCusps, protons: Tensor) -> None:
        self.k, self.movers = cusps.wave_number, cusps.movers()
        self.places = [nn.functional.pad(protons.mT, (0, group.others))[:, :, None] for group in self.movers]

    def back(self, state: State) -> State:
        """y of x."""
        if len(state) < 6:
            y, log_det = self._moved(state[0])
            return [y, *(t + log_det for t in state[1:])]
        y, log_det = self._moved(Traced(*state[:3]))
        return [*y, *(t + change for t, change in zip(state[3:], log_det, strict=True))]

    def forth(self, state: State) -> State:
        """x of y, and ln|det dx/dz| where the state goes on with it."""
        y = state[0]
        x = y
        for _ in range(ROUNDS):
            x = y - (self._moved(x)[0] - x)
        return [x, *(t - self._moved(x)[1] for t in state[1:])]

    def _moved(self, x: Field) -> tuple[Field, Field]:
        """y (batch, 3, n) and ln|det dy/dx| (batch,)."""
        y: Any = x
        log_det: Any = None
        for group, places in zip(self.movers, self.places, strict=True):
            if not len(group.moved):
                continue
            shape = (len(group.moved), len(group.strength))
            step, of_step = self._drawn(less((x @ group.apart).unflatten(-1, shape), places), group)
            y = y + step @ group.moved
            change = _log_det_of_one_and(of_step).sum(-1)
            log_det = change if log_det is None else log_det + change
        return y, log_det

    def _drawn(self, d: Field, group: Movers) -> tuple[Field, list[list[Field]]]:
        """The step of each mover (batch, 3, movers), and its derivatives [a][b], (batch, movers) each.

        d: differences, (batch, 3, movers, C).
        """
        k, value = self.k, _value(d)
        sin, cos = torch.sin(k * value), torch.cos(k * value)
        s_value, turned = sin * cos / k, cos.square() - sin.square()
        s = composed(d, [s_value, turned, -4 * k**2 * s_value])
        slope_of_s = composed(d, [turned, -4 * k**2 * s_value, -4 * k**2 * turned])
        square = composed(d, [(sin / k).square(), 2 * s_value, 2 * turned]).sum(-3)
        phi, slope = _phi(square, group)
        inverse = reciprocal(square)
        # a common factor of the weights drops out: none overflows
        share = inverse * _value(square).detach().amin(-1, keepdim=True)
        share = share * share
        weight = share * reciprocal(share.sum(-1)).unsqueeze(-1)
        pull = weight * phi
        step = (s * pull.unsqueeze(-3)).sum(-1)
        turn = (s * (weight * inverse).unsqueeze(-3)).sum(-1) * 4.0
        on_axes = (slope_of_s * pull.unsqueeze(-3)).sum(-1)
        bend = weight * (slope * 2.0 - phi * inverse * 4.0)
        along = [_axis(s, a) for a in AXES]
        bent = [f * bend for f in along]
        rows = []
        for a in AXES:
            row = [(along[a] * bent[b]).sum(-1) + _axis(step, a) * _axis(turn, b) for b in AXES]
            row[a] = row[a] + _axis(on_axes, a)
            rows.append(row)
        return step, rows


def _phi(square: Field, group: Movers) -> tuple[Field, Field]:
    """phi and its derivative in the squared distance."""
    a, b = group.strength, group.reach
    rho = _value(square).sqrt()
    tanh = torch.tanh(rho / b)
    bell = 1 - tanh.square()
    first, second, third = -a / b * bell, 2 * a / b**2 * tanh * bell, -a / b**3 * bell * (4 - 6 * bell)
    u = [
        a * (1 - tanh),
        first / (2 * rho),
        (second - first / rho) / (4 * rho**2),
        (third - 3 * second / rho + 3 * first / rho**2) / (8 * rho**3),
    ]
    return composed(square, u), composed(square, u[1:])


def _log_det_of_one_and(m: list[list[Field]]) -> Field:
    """ln det(1 + m) of entries [a][b]."""
    m = [[_plus_one(f) if a == b else f for b, f in enumerate(row)] for a, row in enumerate(m)]
    minors = [m[1][b] * m[2][c] - m[1][c] * m[2][b] for b, c in ((1, 2), (2, 0), (0, 1))]
    det = m[0][0] * minors[0] + m[0][1] * minors[1] + m[0][2] * minors[2]
    inverse = _value(det).reciprocal()
    return composed(det, [_value(det).log(), inverse, -inverse.square()])


def _plus_one(f: Field) -> Field:
    return less(f, -torch.ones_like(_value(f)))


def _value(f: Field) -> Tensor:
    return f if isinstance(f, Tensor) else f.value


def _axis(f: Field, a: int) -> Field:
    """One of three components, which stand before the movers, or before these and what draws them."""
    if isinstance(f, Tensor):
        return f.select(1, a)
    return Traced(f.value.select(1, a), f.gradient.select(2, a), f.laplacian.select(1, a))
