"""Planar spins on flows that turn with them: exact values, and what is measured."""

from vfe_lightning import declarations
from vfe_lightning.analysis import spin_figures as figures
from vfe_lightning.bijectors.rotating_angles import rotating_flow
from vfe_lightning.exact import xy_torus
from vfe_lightning.generative.reparameterized import NormalizingFlow
from vfe_lightning.hamiltonians.xy import XY, helicity_modulus, magnetization, vortices
from vfe_lightning.samplers.elsewhere import any_angles
from vfe_lightning.systems.continuous import Continuous
from vfe_lightning.systems.physics import Physics

ANGLES = -3.1416, 3.1416


def xy(d: declarations.XY) -> Continuous:
    """Planar spins on a square torus."""
    flow = rotating_flow(d.L, d.flow.width, d.flow.bins, strength=d.beta * d.J)
    physics = Physics(
        size=d.L**2,
        beta=d.beta,
        units="J",
        per="spin",
        hamiltonian=XY(d.L, d.J),
        model=NormalizingFlow(flow, (d.L**2,)),
        observables={
            "helicity_modulus": lambda x: helicity_modulus(x, d.L, d.J, d.beta),
            "magnetization": magnetization,
            "vortices": lambda x: vortices(x, d.L),
        },
        units_of={"helicity_modulus": ("J", "spin")},
        elsewhere=any_angles(d.L**2),
        reference=lambda tolerance: xy_torus.square(d.L, d.beta, d.J),
        figures=lambda evaluation, shots: figures.configurations(shots[-1], d.L, ANGLES, "twilight"),
    )
    return Continuous(d, physics)
