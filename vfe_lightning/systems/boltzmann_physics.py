"""What tells one Boltzmann generator from another: its potential, its minima, and its reaction coordinate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, singledispatch

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.exact import planar
from vfe_lightning.hamiltonians import dimer, planar_wells
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian
from vfe_lightning.hamiltonians.relabelling import Relabelling

DRAWN = 20.0  # T above the lowest energy that pictures reach
POINTS = 1601  # along an axis


@dataclass(frozen=True)
class Molecule:
    """A potential with two states along one coordinate.

    Attributes:
        hamiltonian: the energy U.
        minima: where chains start, (minima, ...).
        coordinate: x (batch, ...) -> reaction coordinate (batch,).
        window: the values of it that are drawn.
        divide: the value of it between the two states.
        above: the state whose F is reported less that of the other lies above the divide.
        name: of the coordinate, for the axes.
        solve: computes the exact values where they are known.
        image: an exchange of equal atoms that the flow is symmetrised over.
        relabelling: names equal particles; the flow is of configurations that are named so.
        reflections: signs of the coordinates of space that keep the energy, beside the identity.
        profile: (values of the coordinate, beta) -> exact -T ln p of it, where it is known.
        plane: two torsions that figures are drawn in: x (batch, ...) -> (batch, 2), in radians.
        units: of the energy.
    """

    hamiltonian: ContinuousHamiltonian
    minima: Tensor
    coordinate: Callable[[Tensor], Tensor]
    window: tuple[float, float]
    divide: float
    above: bool
    name: str
    solve: Callable[[], planar.Exact | None] = lambda: None
    image: Callable[[Tensor], Tensor] | None = None
    relabelling: Relabelling | None = None
    reflections: Sequence[Sequence[float]] = ()
    profile: Callable[[Tensor, float], Tensor | None] = lambda values, beta: None
    plane: Callable[[Tensor], Tensor] | None = None
    units: str = "epsilon"

    @cached_property
    def exact(self) -> planar.Exact | None:
        """Computed once."""
        return self.solve()

    def named(self, data: Tensor) -> Tensor:
        """Data as the flow has them, each with its reflections: (samples, ...) -> (images * samples, ...)."""
        if not self.relabelling:
            return data
        images = torch.stack([data, *(data * data.new_tensor(signs) for signs in self.reflections)], dim=1)
        return self.relabelling.representative(images.flatten(0, 1))

    def first(self, x: Tensor) -> Tensor:
        """Whether a configuration is in the state that is named first: (batch, ...) -> (batch,)."""
        return (self.coordinate(x) > self.divide) == self.above


@singledispatch
def molecule_of(declaration: declarations.BoltzmannGenerator) -> Molecule:
    """The potential that was declared; another one registers what it is."""
    raise TypeError(f"no molecule is registered for {type(declaration).__name__}: use @molecule_of.register")


@molecule_of.register
def _(d: declarations.DoubleWell) -> Molecule:
    hamiltonian = planar_wells.DoubleWell(d.a, d.b, d.c)
    minima = torch.tensor(hamiltonian.minima(), dtype=torch.float64)
    lowest = hamiltonian.along(minima).min()

    def drawn(x: Tensor) -> Tensor:
        return d.beta * (hamiltonian.along(x) - lowest) < DRAWN

    reach = (DRAWN / (d.beta * d.c)) ** 0.25
    return Molecule(
        hamiltonian,
        torch.stack([minima, torch.zeros_like(minima)], dim=1),
        lambda x: x[:, 0],
        window_of(minima, drawn, reach),
        0.0,
        True,
        "x",
        lambda: planar.double_well(hamiltonian, d.beta),
        profile=lambda x, beta: _normalised(hamiltonian.along(x), x, beta),
    )


@molecule_of.register
def _(d: declarations.MuellerBrown) -> Molecule:
    hamiltonian = planar_wells.MuellerBrown(d.scale)
    minima = hamiltonian.minima()
    everywhere = torch.linspace(-10, 10, POINTS, dtype=torch.float64)  # beyond, U > 1e9 scale

    def least(y: Tensor) -> Tensor:
        return hamiltonian.energy(torch.cartesian_prod(y, everywhere)).view(len(y), -1).amin(dim=1)

    lowest = hamiltonian.energy(minima).min()
    window = window_of(minima[:, 1], lambda y: d.beta * (least(y) - lowest) < DRAWN, 8.0)

    def profile(y: Tensor, beta: float) -> Tensor:
        u = hamiltonian.energy(torch.cartesian_prod(y, everywhere)).view(len(y), -1)
        return _normalised(-(-beta * u).logsumexp(dim=1) / beta, y, beta)

    return Molecule(
        hamiltonian,
        minima,
        lambda x: x[:, 1],
        window,
        0.75,
        False,
        "y",
        lambda: planar.mueller_brown(hamiltonian, d.beta),
        profile=profile,
    )


@molecule_of.register
def _(d: declarations.Dimer) -> Molecule:
    hamiltonian = dimer.Dimer(d.solvent)
    lengths = torch.tensor([dimer.CLOSED, dimer.OPEN], dtype=torch.float64)
    lowest, reach = dimer.bond(lengths).min(), (DRAWN / (16 * d.beta * dimer.QUARTIC)) ** 0.25
    return Molecule(
        hamiltonian,
        dimer.relaxed(hamiltonian, dimer.arrangements(d.solvent)),
        dimer.distance,
        window_of(lengths, lambda r: (r > 0) & (d.beta * (dimer.bond(r) - lowest) < DRAWN), 1 + reach),
        dimer.MIDDLE,
        True,
        "r",
        lambda: planar.gas_dimer(d.beta) if d.solvent == 0 else None,
        image=None if d.solvent else dimer.exchanged,
        relabelling=Relabelling(dimer.sites(d.solvent), (2, d.solvent)) if d.solvent else None,
        reflections=((-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)),
    )


def window_of(minima: Tensor, drawn: Callable[[Tensor], Tensor], reach: float) -> tuple[float, float]:
    """The least window around the minima, and around all values within `reach` of them that are drawn."""
    around = torch.linspace(
        minima.min().item() - 2 * reach, minima.max().item() + 2 * reach, POINTS, dtype=torch.float64
    )
    inside = torch.cat([minima, around[drawn(around)]])
    margin = (inside.max() - inside.min()).item() / 20 or reach / 20
    return inside.min().item() - margin, inside.max().item() + margin


def _normalised(f: Tensor, values: Tensor, beta: float) -> Tensor:
    """f shifted such that exp(-beta f) is a density on equally spaced values: (values,) -> (values,)."""
    return f + ((-beta * f).logsumexp(0) + (values[1] - values[0]).log()) / beta
