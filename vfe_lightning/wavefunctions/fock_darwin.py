r"""Fock-Darwin orbitals and their derivatives in closed form, by ladder operators.

With w = x + i y and phi_00 = exp(-r^2 / 2) / sqrt pi the circular ladder operators give

    sqrt(n_+ + 1) phi_{n_+ + 1, n_-} = w phi_{n_+, n_-} - sqrt(n_-) phi_{n_+, n_- - 1},
    sqrt(n_- + 1) phi_{n_+, n_- + 1} = w^* phi_{n_+, n_-} - sqrt(n_+) phi_{n_+ - 1, n_-},
    2 d/dw = a_+ - a_-^dagger,        2 d/dw^* = a_- - a_+^dagger,

so that every derivative of an orbital is a sum of few neighbours. C. G. Darwin, Math. Proc. Camb. Philos.
Soc. 27, 86 (1931). Lengths in sqrt(hbar / m omega).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vfe_lightning.hamiltonians.oscillator import fock_darwin_quanta


class OrbitalJet(NamedTuple):
    """Orbitals at points with their derivatives, in the plane or in space, complex or real."""

    value: Tensor  # (batch, points, n)
    gradient: Tensor  # (batch, dim, points, n): along x, y
    hessian: Tensor  # (batch, dim (dim + 1) / 2, points, n): along xx, xy, yy


class FockDarwin(nn.Module):
    """The orbitals of the lowest shells, in the order of `fock_darwin_quanta`."""

    quanta: Tensor
    operators: Tensor

    def __init__(self, shells: int) -> None:
        super().__init__()
        wide = fock_darwin_quanta(shells + 2).tolist()  # second derivatives reach two shells further
        index = {(plus, minus): k for k, (plus, minus) in enumerate(wide)}
        size = shells * (shells + 1) // 2
        lower_plus, lower_minus = (
            torch.zeros(len(wide), len(wide), dtype=torch.complex128) for _ in range(2)
        )  # columns: phi -> a phi
        for (plus, minus), k in index.items():
            if plus:
                lower_plus[index[plus - 1, minus], k] = math.sqrt(plus)
            if minus:
                lower_minus[index[plus, minus - 1], k] = math.sqrt(minus)
        d_w, d_conj = 0.5 * (lower_plus - lower_minus.mT), 0.5 * (lower_minus - lower_plus.mT)
        d_x, d_y = d_w + d_conj, 1j * (d_w - d_conj)
        identity = torch.eye(len(wide), dtype=torch.complex128)
        operators = torch.stack([identity, d_x, d_y, d_x @ d_x, d_x @ d_y, d_y @ d_y])
        self.register_buffer("quanta", fock_darwin_quanta(shells), persistent=False)
        # [k, operator, j]: share of orbital j in the derivative of orbital k
        self.register_buffer(
            "operators", operators[:, :, :size].permute(2, 0, 1).contiguous(), persistent=False
        )
        self._steps = _recursion(wide)
        self.shells = shells

    def values(self, r: Tensor) -> Tensor:
        """Orbitals of two shells more than are named: (..., 2) -> complex (..., wide)."""
        w = torch.view_as_complex(r.contiguous())
        columns = [(torch.exp(-0.5 * r.square().sum(-1)) / math.sqrt(math.pi)).to(w.dtype)]
        conjugate = w.conj()
        for raised_plus, parent, other, a, b in self._steps:
            next_column = (w if raised_plus else conjugate) * columns[parent] * a
            columns.append(next_column if b == 0 else next_column - b * columns[other])
        return torch.stack(columns, dim=-1)

    def at(self, r: Tensor, orbitals: Tensor) -> Tensor:
        """Each walker's own: (batch, points, 2) and orbitals (batch, n) -> complex (batch, points, n)."""
        return self.values(r).gather(2, orbitals[:, None].expand(-1, r.shape[1], -1))

    def all_jets(self, r: Tensor) -> OrbitalJet:
        """All orbitals that are named with first and second derivatives: (batch, points, 2)."""
        return self._all(r, 6)

    def all_slopes(self, r: Tensor) -> tuple[Tensor, Tensor]:
        """The same with first derivatives alone."""
        value, gradient, _ = self._all(r, 3)
        return value, gradient

    def _all(self, r: Tensor, count: int) -> OrbitalJet:
        found = self.values(r) @ self.operators[:, :count].flatten(0, 1).mT
        found = found.unflatten(2, (len(self.quanta), count)).permute(0, 3, 1, 2)
        return OrbitalJet(found[:, 0], found[:, 1:3], found[:, 3:])

    def slopes(self, r: Tensor, orbitals: Tensor) -> tuple[Tensor, Tensor]:
        """The same with the first derivatives, complex (batch, 2, points, n)."""
        value, gradient, _ = self._derivatives(r, orbitals, 3)
        return value, gradient

    def jet(self, r: Tensor, orbitals: Tensor) -> OrbitalJet:
        """The same with first and second derivatives."""
        return self._derivatives(r, orbitals, 6)

    def _derivatives(self, r: Tensor, orbitals: Tensor, count: int) -> OrbitalJet:
        columns = self.operators[orbitals, :count]  # (batch, n, count, wide)
        found = self.values(r) @ columns.flatten(1, 2).mT
        found = found.unflatten(2, (orbitals.shape[1], count)).permute(0, 3, 1, 2)
        return OrbitalJet(found[:, 0], found[:, 1:3], found[:, 3:])


def _recursion(wide: list[list[int]]) -> list[tuple[bool, int, int, float, float]]:
    """How each orbital after the first is made: which quantum rises, from which two, with which factors."""
    index = {(plus, minus): k for k, (plus, minus) in enumerate(wide)}
    steps = []
    for plus, minus in wide[1:]:
        if plus >= minus:  # raise the larger quantum, whose recursion grows most slowly
            parent, other, top, low = (plus - 1, minus), (plus - 1, minus - 1), plus, minus
        else:
            parent, other, top, low = (plus, minus - 1), (plus - 1, minus - 1), minus, plus
        a, b = 1 / math.sqrt(top), math.sqrt(low / top)
        steps.append((plus >= minus, index[parent], index.get(other, 0), a, b))
    return steps
