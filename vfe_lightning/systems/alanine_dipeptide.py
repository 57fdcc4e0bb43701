"""A Boltzmann generator of alanine dipeptide: torsions on circles, bonds and angles on lines."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.bijectors.affine_coupling import AffineCoupling, moved_in_turn
from vfe_lightning.bijectors.bijector import Bijector, Composed
from vfe_lightning.bijectors.circular_spline import (
    CircularSplineCoupling,
    NormalToCircle,
    Standardized,
    wrapped,
)
from vfe_lightning.estimators.molecule import Molecule
from vfe_lightning.estimators.two_states import apart
from vfe_lightning.generative.reparameterized import NormalizingFlow
from vfe_lightning.hamiltonians import alanine_dipeptide as peptide
from vfe_lightning.statistics import Moments, blocking
from vfe_lightning.systems.boltzmann_generator import generator_physics
from vfe_lightning.systems.continuous import Continuous

RIGID = 0.95  # length of the mean of exp(i torsion) beyond which a torsion is no free one
SEAM = 2.3  # rad; hardly any phi lies there: the circle is cut at it


def alanine_dipeptide(d: declarations.AlanineDipeptide) -> Continuous:
    """The peptide in internal coordinates, which learns from molecular dynamics."""
    hamiltonian = peptide.AlanineDipeptide(d.temperature)
    made = peptide.peptide()
    series = peptide.molecular_dynamics(d.temperature, d.dynamics.samples, d.dynamics.stride, d.dynamics.seed)
    data = series[torch.randperm(len(series), generator=torch.Generator().manual_seed(d.dynamics.seed))]

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
    physics = generator_physics(d, beta, molecule, data, flow_of(d.flow, data, len(made.places)))
    found = of_dynamics(beta, molecule.first(series).double())
    return Continuous(d, replace(physics, derived=lambda evaluation: physics.derived(evaluation) | found))


def of_dynamics(beta: float, first: Tensor) -> dict[str, Moments]:
    """The difference of the two states as a trajectory has it, 1 where it is in the first: (samples,)."""
    share = blocking(first)
    if not 0 < share.mean < 1:
        return {}
    difference = apart(Moments.with_error(*first.new_tensor([share.mean, share.error])), beta)
    return {"dynamics_difference": difference.measured_in("kJ/mol", "system")}


def flow_of(d: declarations.TorsionFlow, data: Tensor, atoms: int) -> NormalizingFlow:
    """Free torsions from the uniform density on their circles, all else from normal densities of the data.

    Torsions that stay near one angle, of double bonds and of second atoms on one, are like bonds and angles.
    """
    size = data.shape[1]
    torsion = torch.arange(size) >= 2 * atoms - 3
    free = torsion & (torch.polar(torch.ones_like(data), data).mean(dim=0).abs() < RIGID)
    mean = torch.where(torsion, torch.atan2(data.sin().mean(dim=0), data.cos().mean(dim=0)), data.mean(dim=0))
    mean = mean.masked_fill(free, 0.0)
    away = torch.where(torsion, wrapped(data - mean), data - mean)
    width = away.std(dim=0).masked_fill(free, 1.0)
    parts: list[Bijector] = [NormalToCircle(free)]
    for layer in range(d.layers):
        parts.append(CircularSplineCoupling(every_other(free, layer), free, d.width, d.bins))
        parts.append(AffineCoupling(in_turn(~free, layer), d.width, free))
    return NormalizingFlow(Composed([*parts, Standardized(mean, width, torsion)]), (size,))


def every_other(chosen: Tensor, layer: int) -> Tensor:
    """Every other one of the chosen coordinates, and in the next layer the rest: (size,) of bool.

    The two torsions of the backbone, the first free ones, see each other in each layer.
    """
    return chosen & ((chosen.cumsum(0) + layer) % 2 == 0)


def in_turn(chosen: Tensor, layer: int) -> Tensor:
    """Which of the chosen coordinates a layer moves, (size,) of bool; see `moved_in_turn`."""
    moved = torch.zeros_like(chosen)
    moved[chosen] = moved_in_turn(layer, int(chosen.sum()))
    return moved
