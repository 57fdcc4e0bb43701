"""phi^4 theory and the continuous dual of the Ising model on a torus."""

from collections.abc import Mapping

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis import lattice_figures as figures
from vfe_lightning.bijectors.bijector import Bijector, Composed
from vfe_lightning.bijectors.checkerboard import CheckerboardFlow
from vfe_lightning.bijectors.fourier_scale import FourierScale
from vfe_lightning.bijectors.monge_ampere import MongeAmpereFlow
from vfe_lightning.bijectors.neural_rg import NeuralRG
from vfe_lightning.estimators import lattice_correlations as correlations
from vfe_lightning.exact import ising_torus, phi4
from vfe_lightning.generative.reparameterized import NormalizingFlow
from vfe_lightning.hamiltonians import ising_dual
from vfe_lightning.hamiltonians.phi4 import PhiFour
from vfe_lightning.mean_field.gaussian import GaussianField, gaussian_field
from vfe_lightning.result import Reference
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.continuous import Physics, physics_of

PROFILES = {"two_point": correlations.two_point, "line_correlation": correlations.line_correlation}
UNITS = "kT"


@physics_of.register
def _(d: declarations.PhiFour) -> Physics:
    hamiltonian = PhiFour(d.m2, d.lam)
    mean_field = phi_four_gaussian(d.L, d.m2, d.lam)

    def reference() -> Reference | None:
        if d.lam == 0:
            return phi4.free_field(d.L, d.m2)
        return phi4.small_torus(d.L, d.m2, d.lam) if d.L in phi4.NODES else None

    return Physics(
        size=d.L**2,
        beta=1.0,
        units=UNITS,
        hamiltonian=hamiltonian,
        model=model_of(d, mean_field),
        observables={
            "mean_square": correlations.mean_square,
            "abs_magnetization": correlations.abs_mean,
            "susceptibility": correlations.susceptibility,
            "ising_energy": correlations.neighbour_product,
        },
        profiles=PROFILES,
        reference=reference,
        landmarks=lambda: {"Gaussian": mean_field.free_energy},
        figures=lambda evaluation, x: {**figures.fields(x), **figures.two_point(evaluation)},
    )


@physics_of.register
def _(d: declarations.IsingDual) -> Physics:
    hamiltonian = ising_dual.IsingDual(d.L, d.beta)
    mean_field = gaussian_field(
        1 / hamiltonian.spectrum, lambda x: -ising_dual.log_cosh(x), lambda x: -1 / torch.cosh(x).square()
    )
    model = model_of(d, mean_field)

    def reference() -> Reference:
        log_z = -d.beta * ising_torus.square(d.L, d.beta).free_energy
        return Reference(-log_z - hamiltonian.log_offset())

    def pictures(evaluation: Mapping[str, Moments], x: Tensor) -> dict[str, Figure]:
        coins = torch.Generator(x.device).manual_seed(0)
        drawn = {**figures.fields(x), **figures.fields(hamiltonian.spins(x, coins), "spins")}
        flow = model.flow
        if isinstance(flow, NeuralRG):
            with torch.no_grad():
                drawn |= figures.scales(flow.renormalized(model.before_the_stretch(x)))
        return {**drawn, **figures.two_point(evaluation)}

    return Physics(
        size=d.L**2,
        beta=1.0,
        units=UNITS,
        hamiltonian=hamiltonian,
        model=model,
        observables={
            "structure_factor": ising_dual.structure_factor,
            "ising_energy": ising_dual.ising_energy,
            "abs_magnetization": lambda x: correlations.abs_mean(torch.tanh(x)),
        },
        profiles=PROFILES,
        reference=reference,
        landmarks=lambda: {"Gaussian": mean_field.free_energy},
        figures=pictures,
    )


class LatticeModel(NormalizingFlow):
    """A flow of a field, and a stretch of its Fourier modes that comes after it."""

    def __init__(self, flow: Bijector, stretch: FourierScale | None, L: int) -> None:
        super().__init__(Composed([flow, stretch]) if stretch else flow, (L, L))
        self.flow, self.stretch = flow, stretch

    def before_the_stretch(self, x: Tensor) -> Tensor:
        """What the flow made: (batch, L, L) -> (batch, L, L)."""
        return self.stretch.inverse(x)[0] if self.stretch else x


def model_of(d: declarations.LatticeField, mean_field: GaussianField) -> LatticeModel:
    """The declared flow; the stretch starts as that of the best Gaussian field."""
    match d.flow:
        case declarations.Checkerboard(layers=layers, width=width, reach=reach, hidden_reach=hidden_reach):
            flow: Bijector = CheckerboardFlow(d.L, layers, width, reach, hidden_reach)
        case declarations.NeuralRG(couplings=couplings, width=width):
            flow = NeuralRG(d.L, couplings, width)
        case declarations.MongeAmpere(potentials=potentials, steps=steps, width=width, reach=reach):
            flow = MongeAmpereFlow(d.L, potentials, steps, width, reach)
    return LatticeModel(flow, FourierScale(mean_field.variance) if d.fourier else None, d.L)


def phi_four_gaussian(L: int, m2: float, lam: float) -> GaussianField:
    """The best Gaussian field of phi^4 theory."""
    k = 2 - 2 * torch.cos(2 * torch.pi * torch.arange(L, dtype=torch.float64) / L)
    return gaussian_field(
        2 * (k[:, None] + k),
        lambda x: m2 * x.square() + lam * x.pow(4),
        lambda x: 2 * m2 + 12 * lam * x.square(),
    )
