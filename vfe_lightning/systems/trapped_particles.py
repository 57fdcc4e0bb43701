"""Classical particles in a harmonic trap: an equivariant continuous flow of a normal density."""

import math
from collections.abc import Callable
from functools import partial

from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis import particle_figures as figures
from vfe_lightning.bijectors.bijector import Composed
from vfe_lightning.bijectors.centred_scale import CentredScale
from vfe_lightning.errors import NotKnown
from vfe_lightning.estimators.trap_correlations import radial_density
from vfe_lightning.exact import coulomb_gas
from vfe_lightning.generative.reparameterized import NormalizingFlow
from vfe_lightning.hamiltonians import trapped_particles as hamiltonians
from vfe_lightning.mean_field import gaussian_gas
from vfe_lightning.result import Reference
from vfe_lightning.samplers.elsewhere import normal
from vfe_lightning.systems.continuous import Continuous
from vfe_lightning.systems.physics import Physics
from vfe_lightning.systems.trap_flow import particle_flow

STIFFNESS = 2.0  # of H = sum x^2


def coulomb_trap(d: declarations.CoulombTrap) -> Continuous:
    """Charges in a harmonic trap."""

    def reference(tolerance: float) -> Reference:
        if d.n != 2:
            raise NotKnown(f"n = {d.n}: two charges are known exactly")
        return coulomb_gas.two_charges(d.dim, STIFFNESS, d.beta)

    gas = gaussian_gas.coulomb(d.n, d.dim, STIFFNESS, d.beta)
    hamiltonian = hamiltonians.TrappedParticles(d.n, STIFFNESS, hamiltonians.Coulomb())
    return Continuous(d, trapped(d, d.dim, d.beta, hamiltonian, gas, reference, "e^2 / length"))


def log_gas(d: declarations.LogGas) -> Continuous:
    """Dyson's and Ginibre's gases."""

    stiffness = STIFFNESS if d.dim == 2 else 1.0

    def reference(tolerance: float) -> Reference:
        if d.dim == 1:
            return coulomb_gas.mehta(d.n, d.coupling)
        if d.n == 2:
            return coulomb_gas.log_gas_pair(d.coupling)
        if d.coupling != 2:
            raise NotKnown("the plane is known exactly of two particles, and of any number at coupling 2")
        return coulomb_gas.ginibre(d.n)

    gas = gaussian_gas.logarithmic(d.n, d.dim, stiffness, 1.0, d.coupling)
    hamiltonian = hamiltonians.TrappedParticles(d.n, stiffness, hamiltonians.Logarithmic(d.coupling))
    exact = partial(coulomb_gas.ginibre_density, d.n) if d.dim == 2 and d.coupling == 2 else None
    return Continuous(d, trapped(d, d.dim, 1.0, hamiltonian, gas, reference, "T", exact))


def trapped(
    d: declarations.TrappedParticles,
    dim: int,
    beta: float,
    hamiltonian: hamiltonians.TrappedParticles,
    gas: gaussian_gas.GaussianGas,
    reference: Callable[[float], Reference],
    units: str,
    exact_density: Callable[[Tensor], Tensor] | None = None,
) -> Physics:
    """Physics of any pair interaction; the flow starts from the best independent particles.

    The size is one: free energies of a few particles in a trap are not proportional to their number.
    """
    centre = 1 / math.sqrt(beta * hamiltonian.stiffness)
    bijector = Composed([CentredScale(gas.sigma, centre), particle_flow(d.flow, d.n, dim)])

    def virial(x: Tensor) -> Tensor:
        return beta * hamiltonian.virial(x) - d.n * dim

    flow = d.flow if isinstance(d.flow, declarations.OwnFlow) else d.flow.velocity
    own = isinstance(flow, declarations.Own)  # which may leave no density as it is
    edge = 3.2 * gas.sigma
    return Physics(
        size=1,
        beta=beta,
        units=units,
        per="trap",
        units_of=dict.fromkeys(("trap", "interaction"), (units, "trap")),
        hamiltonian=hamiltonian,
        model=NormalizingFlow(bijector, (d.n, dim)),
        observables={
            "trap": hamiltonian.trap,
            "interaction": hamiltonian.pair_energy,
            "square_radius": lambda x: x.square().sum(dim=(1, 2)),
            "virial_residual": virial,
        },
        profiles={"density": lambda x: radial_density(x, edge)},
        elsewhere=normal((d.n, dim), gas.sigma),
        reference=reference,
        landmarks=lambda: {"independent particles": gas.free_energy},
        contained=frozenset() if own else frozenset({"independent particles"}),
        figures=lambda evaluation, shots: figures.trap_figures(evaluation, shots[-1].x, edge, exact_density),
    )
