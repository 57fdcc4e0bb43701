"""The flows that particles and electrons in traps declare."""

from vfe_lightning import declarations
from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.bijectors.breathing import Breathing
from vfe_lightning.bijectors.continuous import ContinuousFlow
from vfe_lightning.bijectors.cusp import Cusp
from vfe_lightning.bijectors.equivariant_velocity import Velocity, velocity_of
from vfe_lightning.declarations.velocity import Velocity as Velocities
from vfe_lightning.systems.own_parts import own_flow, own_velocity

SOFTNESS = 0.25  # of forces between opposite spins, in units of the reach of the cusp


def declared_velocity(
    d: Velocities | declarations.OwnVelocity, n_up: int, n_down: int, dim: int, smooth: float = 0.0
) -> Velocity:
    """See `velocity_of`; one from outside has to be smooth by itself."""
    if isinstance(d, declarations.OwnVelocity):
        return own_velocity(d, n_up, n_down, dim)
    return velocity_of(d, n_up, n_down, dim, smooth)


def particle_flow(d: declarations.EquivariantFlow | declarations.OwnFlow, n: int, dim: int) -> Bijector:
    """Of n particles, whose positions are (batch, n, dim)."""
    if isinstance(d, declarations.OwnFlow):
        return own_flow(d, (n, dim))
    return ContinuousFlow(declared_velocity(d.velocity, n, 0, dim), d.steps)


def dot_flow(d: declarations.QuantumDot, scale: float) -> ContinuousFlow:
    """Of electrons, at first a breathing by `scale`, with the cusp where opposite spins meet."""
    cusp = Cusp(d.n_up, d.n_down, d.z) if d.n_down and d.z else None
    smooth = SOFTNESS * cusp.reach / scale if cusp else 0.0
    velocity = declared_velocity(d.flow.velocity, d.n_up, d.n_down, 2, smooth)
    return ContinuousFlow(velocity, d.flow.steps, d.flow.tolerance, Breathing(scale), cusp)
