"""A Boltzmann generator of alanine dipeptide: torsions on circles, bonds and angles on lines."""

import math

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.bijectors.affine_coupling import AffineCoupling, moved_in_turn
from vfe_lightning.bijectors.bijector import Bijector, Composed
from vfe_lightning.bijectors.circular_spline import CircularSplineCoupling, NormalToCircle, Standardized
from vfe_lightning.generative.reparameterized import NormalizingFlow
from vfe_lightning.hamiltonians import alanine_dipeptide as peptide
from vfe_lightning.systems.boltzmann_generator import generator_physics
from vfe_lightning.systems.boltzmann_physics import Molecule
from vfe_lightning.systems.continuous import Physics, physics_of

SEAM = 2.3  # rad; hardly any phi lies there: the circle is cut at it


@physics_of.register
def _(d: declarations.AlanineDipeptide) -> Physics:
    hamiltonian = peptide.AlanineDipeptide(d.temperature)
    made = peptide.peptide()
    data = peptide.molecular_dynamics(d.temperature, d.dynamics.samples, d.dynamics.stride, d.dynamics.seed)
    data = data[torch.randperm(len(data), generator=torch.Generator().manual_seed(d.dynamics.seed))]

    def phi(q: Tensor) -> Tensor:
        return (q[:, made.phi] - SEAM) % (2 * math.pi) + SEAM - 2 * math.pi

    molecule = Molecule(
        hamiltonian,
        data[:1],
        phi,
        (SEAM - 2 * math.pi, SEAM),
        0.0,
        True,
        r"$\phi$ / rad",
        plane=lambda q: q[:, [made.phi, made.psi]],
        units="kJ/mol",
    )
    beta = 1 / (peptide.GAS_CONSTANT * d.temperature)
    return generator_physics(d, beta, molecule, data, flow_of(d.flow, data, len(made.places)))


def flow_of(d: declarations.TorsionFlow, data: Tensor, atoms: int) -> NormalizingFlow:
    """Torsions from the uniform density on their circles, bonds and angles from normal ones of the data."""
    size = data.shape[1]
    circular = torch.arange(size) >= 2 * atoms - 3
    mean, width = data.mean(dim=0), data.std(dim=0)
    mean, width = mean.masked_fill(circular, 0.0), width.masked_fill(circular, 1.0)
    parts: list[Bijector] = [NormalToCircle(circular)]
    for layer in range(d.layers):
        turn = moved_in_turn(layer, size)
        parts.append(CircularSplineCoupling(turn & circular, circular, d.width, d.bins))
        parts.append(AffineCoupling(turn & ~circular, d.width, circular))
    return NormalizingFlow(Composed([*parts, Standardized(mean, width)]), (size,))
