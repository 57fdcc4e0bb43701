"""What tells one Boltzmann generator from another: its potential, its minima, and its reaction coordinate."""

from collections.abc import Callable

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.estimators.molecule import Molecule
from vfe_lightning.exact import planar
from vfe_lightning.hamiltonians import dimer, planar_wells
from vfe_lightning.hamiltonians.relabelling import Relabelling

DRAWN = 20.0  # T above the lowest energy that pictures reach
POINTS = 1601  # along an axis


def double_well(d: declarations.DoubleWell) -> Molecule:
    """Two wells along x, one harmonic well along y."""
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


def mueller_brown(d: declarations.MuellerBrown) -> Molecule:
    """Three minima, two states along y."""
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


def dimer_in_fluid(d: declarations.Dimer) -> Molecule:
    """A bistable bond, alone or among other atoms."""
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
