"""phi^4 theory and the continuous dual of the Ising model on a torus."""

import math
from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis import lattice_figures as figures
from vfe_lightning.bijectors.affine import Affine
from vfe_lightning.bijectors.bijector import Bijector, Composed
from vfe_lightning.bijectors.checkerboard import CheckerboardFlow
from vfe_lightning.bijectors.fourier_scale import FourierScale
from vfe_lightning.bijectors.monge_ampere import MongeAmpereFlow
from vfe_lightning.bijectors.neural_rg import NeuralRG
from vfe_lightning.errors import NotKnown
from vfe_lightning.estimators import lattice_correlations as correlations
from vfe_lightning.estimators.snapshot import Snapshot
from vfe_lightning.exact import ising_torus, phi4
from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.generative.mirrored import Mirrored
from vfe_lightning.generative.reparameterized import NormalizingFlow, ReparameterizedModel
from vfe_lightning.hamiltonians import ising_dual as dual
from vfe_lightning.hamiltonians.phi4 import PhiFour
from vfe_lightning.mean_field.gaussian import (
    Function,
    GaussianField,
    best_gaussian_field,
    gaussian_field,
)
from vfe_lightning.result import Reference
from vfe_lightning.samplers.elsewhere import normal
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.continuous import Continuous
from vfe_lightning.systems.field_clusters import FieldClusters
from vfe_lightning.systems.own_parts import own_flow
from vfe_lightning.systems.physics import Physics

PROFILES = {"two_point": correlations.two_point, "line_correlation": correlations.line_correlation}
UNITS = "kT"


def phi_four(d: declarations.PhiFour) -> Continuous:
    """Scalar fields with a quartic self-interaction."""
    hamiltonian = PhiFour(d.m2, d.lam)
    k = 2 - 2 * torch.cos(2 * torch.pi * torch.arange(d.L, dtype=torch.float64) / d.L)
    mean_field = start_of(
        d,
        2 * (k[:, None] + k),
        lambda x: d.m2 * x.square() + d.lam * x.pow(4),
        lambda x: 2 * d.m2 + 12 * d.lam * x.square(),
    )

    def reference(tolerance: float) -> Reference:
        if d.lam == 0:
            return phi4.free_field(d.L, d.m2)
        if d.L > 3:
            raise NotKnown(f"L = {d.L}: interacting fields are known exactly up to L = 3")
        return phi4.small_torus(d.L, d.m2, d.lam, tolerance)

    physics = Physics(
        size=d.L**2,
        beta=1.0,
        units=UNITS,
        per="site",
        hamiltonian=hamiltonian,
        model=model_of(d, flow_of(d), mean_field),
        observables={
            "mean_square": correlations.mean_square,
            "abs_magnetization": correlations.abs_mean,
            "susceptibility": correlations.susceptibility,
            "ising_energy": correlations.neighbour_product,
        },
        profiles=PROFILES,
        elsewhere=normal((d.L, d.L), math.sqrt(mean_field.variance.mean().item() + mean_field.mean**2)),
        reference=reference,
        landmarks=lambda: {"Gaussian": mean_field.free_energy},
        contained=frozenset({"Gaussian"}) if d.fourier else frozenset(),
        figures=lambda evaluation, shots: {**figures.fields(shots[-1].x), **figures.two_point(evaluation)},
    )
    return Continuous(d, physics)


def ising_dual(d: declarations.IsingDual) -> Continuous:
    """The fields that decouple Ising spins."""
    hamiltonian = dual.IsingDual(d.L, d.beta)
    mean_field = start_of(
        d,
        1 / hamiltonian.spectrum,
        lambda x: -dual.log_cosh(x),
        lambda x: torch.tanh(x).square() - 1,
    )
    flow = flow_of(d)
    model = model_of(d, flow, mean_field)

    def reference(tolerance: float) -> Reference:
        ising, offset = ising_torus.square(d.L, d.beta), hamiltonian.log_offset()
        # both are sums over sites, of terms that grow as beta
        rounding = 8 * EPSILON * d.L**2 * (4 + 4 * d.beta)
        error = d.beta * ising.free_energy_error + rounding
        return Reference(d.beta * ising.free_energy - offset, free_energy_error=error)

    def pictures(evaluation: Mapping[str, Moments], shots: Sequence[Snapshot]) -> dict[str, Figure]:
        x = shots[-1].x
        coins = torch.Generator(x.device).manual_seed(0)
        drawn = {**figures.fields(x), **figures.fields(hamiltonian.spins(x, coins), "spins")}
        if isinstance(flow, NeuralRG):
            with torch.no_grad():
                drawn |= figures.scales(flow.renormalized(whitened(model, flow, x)))
        return {**drawn, **figures.two_point(evaluation)}

    physics = Physics(
        size=d.L**2,
        beta=1.0,
        units=UNITS,
        per="site",
        hamiltonian=hamiltonian,
        model=model,
        observables={
            "structure_factor": dual.structure_factor,
            "ising_energy": dual.ising_energy,
            "abs_magnetization": lambda x: correlations.abs_mean(torch.tanh(x)),
        },
        profiles=PROFILES,
        reference=reference,
        landmarks=lambda: {"Gaussian": mean_field.free_energy},
        contained=frozenset({"Gaussian"}) if d.fourier else frozenset(),
        figures=pictures,
        kernels=lambda bridge: [FieldClusters(bridge, hamiltonian)],
    )
    return Continuous(d, physics)


def start_of(
    d: declarations.LatticeField, stiffness: Tensor, potential: Function, curvature: Function
) -> GaussianField:
    """The Gaussian field that training starts from: the best one, or the best one with <x> = 0."""
    return (best_gaussian_field if d.symmetrize else gaussian_field)(stiffness, potential, curvature)


def flow_of(d: declarations.LatticeField) -> Bijector:
    """The declared flow."""
    odd = not d.symmetrize
    match d.flow:
        case declarations.Checkerboard():
            return CheckerboardFlow(d.flow, d.L, odd)
        case declarations.NeuralRG():
            return NeuralRG(d.flow, d.L, odd)
        case declarations.MongeAmpere():
            return MongeAmpereFlow(d.flow, d.L, odd)
        case declarations.OwnFlow():
            return own_flow(d.flow, (d.L, d.L))


def model_of(d: declarations.LatticeField, flow: Bijector, start: GaussianField) -> ReparameterizedModel:
    """The flow, composed with linear maps of one phase that make it start as a Gaussian field."""
    parts = [flow]
    if d.fourier:
        stretch = FourierScale(start.variance)
        # what sees neighbours shapes the field itself; blocks shape its whitened modes
        parts = [flow, stretch] if isinstance(flow, NeuralRG) else [stretch, flow]
    if d.symmetrize:
        shift = Affine(shift=start.mean)
        return Mirrored(NormalizingFlow(Composed([*parts, shift]), (d.L, d.L)), torch.neg)
    return NormalizingFlow(Composed(parts), (d.L, d.L))


def whitened(model: ReparameterizedModel, flow: Bijector, x: Tensor) -> Tensor:
    """What `flow` made of its latent variables, before the linear maps: (batch, L, L) -> (batch, L, L)."""
    one = model.flow if isinstance(model, Mirrored) else model
    assert isinstance(one, NormalizingFlow)
    z, _ = one.bijector.inverse(x)
    return flow(z)[0]
