r"""Two hydrogen atoms in a periodic cube: full configuration interaction, averaged over the protons.

The protons are classical; at each distance R all states of one electron of each spin are summed:

$$ F = -T \ln \langle \mathrm{Tr} \, e^{-\beta H(R)} \rangle_R, $$

the mean over the cube, so that F and the entropy of the protons are those relative to uniform ones. Left out
is what the basis lacks, s and p Gaussians on the protons, and equal spins. Bohr, Hartree.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vfe_lightning.hamiltonians.ewald import Ewald
from vfe_lightning.hamiltonians.periodic_box import box_length
from vfe_lightning.hamiltonians.periodic_gaussians import PERIODIC, PeriodicGaussians
from vfe_lightning.hamiltonians.spectral_grid import SpectralGrid
from vfe_lightning.units import KELVIN

DEPENDENT = 1e-5  # eigenvalue of the overlap whose vector is left out
HELD = 64  # products of orbitals whose potentials are made at once


class ThermalPair(NamedTuple):
    """Totals of both atoms, in Hartree and k_B; relative to uniform protons."""

    free_energy: float
    energy: float
    proton_entropy: float
    electron_entropy: float


@torch.no_grad()
def full_interaction(
    protons: Tensor,
    length: float,
    spacing: float,
    s: Sequence[float],
    p: Sequence[float] = (),
    twist: tuple[float, ...] = PERIODIC,
) -> Tensor:
    """All energies of an electron of each spin among protons (N, 3), in Gaussians of exponents s and p.

    The twist is zero or one half along each axis.
    """
    grid = SpectralGrid(length, spacing)
    shape = (grid.points,) * 3
    functions = _on_grid(grid, protons, length, s, p, twist)
    functions = functions / (functions.square().sum(1, keepdim=True) * grid.cell).sqrt()
    norm, vectors = torch.linalg.eigh(functions @ functions.T * grid.cell)
    kept = norm > DEPENDENT
    orbitals = (vectors[:, kept] * norm[kept].rsqrt()).T @ functions
    bare = grid.values(-grid.coulomb * grid.structure(protons[None])).flatten()
    one = (orbitals * bare) @ orbitals.T * grid.cell + _kinetic(grid, orbitals.unflatten(1, shape), twist)
    size = len(orbitals)
    i, j = torch.triu_indices(size, size)
    products = orbitals[i] * orbitals[j]
    potentials = torch.cat(
        [grid.potential(some.unflatten(1, shape)).flatten(1) for some in products.split(HELD)]
    )
    place = torch.zeros(size, size, dtype=torch.long)
    place[i, j] = place[j, i] = torch.arange(len(i))
    repulsion = (potentials @ products.T * grid.cell)[place.flatten()][:, place.flatten()]
    repulsion = repulsion.view(size, size, size, size).transpose(1, 2).reshape(size**2, size**2)
    unit = torch.eye(size, dtype=torch.float64)
    energies = torch.linalg.eigvalsh(torch.kron(one, unit) + torch.kron(unit, one) + repulsion)
    ewald = Ewald(3)
    return energies + (float(ewald(protons[None] / length)) + ewald.madelung) / length


def thermal_pair(
    rs: float,
    kelvin: float,
    points: int,
    spacing: float,
    s: Sequence[float],
    p: Sequence[float] = (),
    twist: tuple[float, ...] = PERIODIC,
) -> ThermalPair:
    """Gauss-Legendre quadrature over an eighth of the cube, of so many points an axis."""
    length, beta = rs * box_length(2, 3), KELVIN / kelvin
    node, weight = np.polynomial.legendre.leggauss(points)
    log_weights, log_sums, energies = [], [], []
    alike = len(set(map(abs, twist))) == 1  # and the axes may be exchanged
    every = itertools.product(range(points), repeat=3)
    for axes in itertools.combinations_with_replacement(range(points), 3) if alike else every:
        r = torch.tensor([[0.0, 0.0, 0.0], [(node[a] + 1) * length / 4 for a in axes]], dtype=torch.float64)
        levels = full_interaction(r, length, spacing, s, p, twist)
        copies = len(set(itertools.permutations(axes))) if alike else 1
        log_weights.append(math.log(copies * math.prod(weight[a] / 2 for a in axes)))
        log_sums.append(float(torch.logsumexp(-beta * levels, 0)))
        energies.append(float(torch.softmax(-beta * levels, 0) @ levels))
    weights, sums, energy = (np.array(v) for v in (log_weights, log_sums, energies))
    log_z = np.logaddexp.reduce(weights + sums)
    chance = np.exp(weights + sums - log_z)
    return ThermalPair(
        -float(log_z) / beta,
        float(chance @ energy),
        -float(chance @ (sums - log_z)),
        float(chance @ (sums + beta * energy)),
    )


def _on_grid(
    grid: SpectralGrid,
    protons: Tensor,
    length: float,
    s: Sequence[float],
    p: Sequence[float],
    twist: tuple[float, ...],
) -> Tensor:
    """s functions, and p functions along each axis: (functions, points^3)."""
    made = []
    for exponents, order in ((s, 0), (p, 1)):
        if not exponents:
            continue
        along = PeriodicGaussians(exponents, length, twist).along_axes(
            grid.axis - protons[..., None], order, axis=-2
        )
        for turned in range(3 if order else 1):
            x, y, z = (along[order if order and a == turned else 0][:, a] for a in range(3))
            made.append(torch.einsum("Iam,Ibm,Icm->Imabc", x, y, z).flatten(2).flatten(0, 1))
    return torch.cat(made)


def _kinetic(grid: SpectralGrid, orbitals: Tensor, twist: tuple[float, ...]) -> Tensor:
    """-nabla^2 / 2 between functions on the grid (M, points, points, points)."""
    squares = orbitals.new_zeros(())
    for axis, turned in enumerate(twist):
        shape = [-1 if a == axis else 1 for a in range(3)]
        phase = (-2j * math.pi / grid.length * turned * grid.axis).exp().view(shape)
        orbitals = orbitals * phase if turned else orbitals
        squares = squares + ((2 * math.pi / grid.length * (grid.axes + turned)) ** 2).view(shape)
    waves = torch.fft.fftn(orbitals, dim=(1, 2, 3))
    weighted = (waves * squares).flatten(1)
    return 0.5 * (weighted @ waves.flatten(1).mH).real * grid.cell / grid.points**3
