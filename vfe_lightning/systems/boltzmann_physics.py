"""What tells one Boltzmann generator from another: its potential, its minima, and its reaction coordinate."""

import math
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
    edge = 2 * math.sqrt(-d.b / (2 * d.c)) + (4 / (d.beta * d.c)) ** 0.25
    x = torch.linspace(-edge, edge, 4001, dtype=torch.float64)
    u = hamiltonian.along(x)
    lowest = [x[side][u[side].argmin()] for side in (x < 0, x > 0)]
    wide = 8 / math.sqrt(d.beta)

    def solve() -> planar.Exact:
        return planar.on_a_grid(
            hamiltonian.energy, d.beta, (-edge, edge), (-wide, wide), lambda p: p[:, 0] > 0
        )

    return Molecule(
        hamiltonian,
        torch.stack([torch.stack([m, torch.zeros_like(m)]) for m in lowest]),
        lambda x: x[:, 0],
        (-0.75 * edge, 0.75 * edge),
        0.0,
        True,
        "x",
        solve,
        profile=lambda x, beta: _normalised(hamiltonian.along(x), x, beta),
    )


@molecule_of.register
def _(d: declarations.MuellerBrown) -> Molecule:
    hamiltonian = planar_wells.MuellerBrown(d.scale)
    minima = torch.tensor([[-0.558, 1.442], [0.623, 0.028], [-0.050, 0.467]], dtype=torch.float64)

    def solve() -> planar.Exact:
        return planar.on_a_grid(hamiltonian.energy, d.beta, (-2.5, 2), (-1, 3), lambda p: p[:, 1] < 0.75)

    def profile(y: Tensor, beta: float) -> Tensor:
        x = torch.linspace(-2.5, 2, 800, dtype=torch.float64)
        u = hamiltonian.energy(torch.cartesian_prod(y, x)).view(len(y), -1)
        return _normalised(-(-beta * u).logsumexp(dim=1) / beta, y, beta)

    return Molecule(
        hamiltonian, minima, lambda x: x[:, 1], (-0.6, 2.2), 0.75, False, "y", solve, profile=profile
    )


@molecule_of.register
def _(d: declarations.Dimer) -> Molecule:
    hamiltonian = dimer.Dimer(d.solvent)
    return Molecule(
        hamiltonian,
        dimer.relaxed(hamiltonian, dimer.arrangements(d.solvent)),
        dimer.distance,
        (0.5, 2.6),
        dimer.MIDDLE,
        True,
        "r",
        lambda: planar.gas_dimer(d.beta) if d.solvent == 0 else None,
        image=None if d.solvent else dimer.exchanged,
        relabelling=Relabelling(dimer.sites(d.solvent), (2, d.solvent)) if d.solvent else None,
        reflections=((-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)),
    )


def _normalised(f: Tensor, values: Tensor, beta: float) -> Tensor:
    """f shifted such that exp(-beta f) is a density on equally spaced values: (values,) -> (values,)."""
    return f + ((-beta * f).logsumexp(0) + (values[1] - values[0]).log()) / beta
