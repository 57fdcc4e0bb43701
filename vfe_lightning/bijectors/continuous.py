r"""Continuous flow: z = x(0) is carried to x = x(1) by dx/dt = v(x, t), with its exact Jacobian determinant.

$$ \ln |\det \partial z / \partial x| = - \int_0^1 \mathrm{div} \, v \, dt $$

Chen, Rubanova, Bettencourt, Duvenaud, NeurIPS (2018); for fermions Xie, Zhang, Wang, arXiv 2105.08644. It is
a bijection by construction. The state is integrated together with its gradient and Laplacian in x, so that
the kinetic energy needs no automatic differentiation. Runge-Kutta leaves errors of the order of steps^-4.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.bijectors.equivariant_velocity import Velocity
from vfe_lightning.calculus.forward_laplacian import Traced, coordinates
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.calculus.runge_kutta import State, integrate
from vfe_lightning.errors import NotInvertible

Slope = Callable[[Velocity, float, State], State]  # d state / dt in a velocity field


class Stage(Protocol):
    """A map in closed form on the states of a flow: positions or their triple, and ln|det| after them."""

    def forth(self, state: State) -> State: ...

    def back(self, state: State) -> State: ...


class PullBack(NamedTuple):
    """The map x -> zeta and ln|det d zeta / dx| at a batch of points; D = n dim coordinates."""

    zeta: Tensor  # (batch, n, dim)
    log_det: Tensor  # (batch,)
    jacobian: Tensor  # (batch, D, D): d_m zeta_a at [a, m]
    laplacian: Tensor  # (batch, n, dim): Laplacian of zeta
    log_det_gradient: Tensor  # (batch, n, dim)
    log_det_laplacian: Tensor  # (batch,)


class ContinuousFlow(Bijector):
    """The flow of a velocity field; positions are (batch, n, dim).

    Args:
        steps: of Runge-Kutta, from t = 0 to 1.
        tolerance: of the residual, see `invert`.
        breathing: what follows on the flow, a breathing or another map in closed form.
        last: a velocity without parameters whose flow, of a single step, comes last.
    """

    def __init__(
        self,
        velocity: Velocity,
        steps: int,
        tolerance: float = 0.1,
        breathing: Stage | None = None,
        last: Velocity | None = None,
    ) -> None:
        super().__init__()
        self.velocity, self.steps, self.tolerance, self.rounding = velocity, steps, tolerance, tolerance
        self.breathing, self.last = breathing, last

    def generate(self, z: Tensor) -> Tensor:
        """x of z, from t = 0 to 1."""

        def slope(velocity: Velocity, t: float, state: State) -> State:
            return [velocity(state[0], t)[0]]

        (x,) = self._forth(slope, [z.mT])
        return x.mT

    def invert(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """x with zeta(x) = z to second order in the residual |zeta(x) - z|, (batch,), that is returned.

        Forward and backward integration differ by the error of Runge-Kutta: what the way back misses is
        taken off before a second way forth.

        Raises:
            NotInvertible: a residual is above the tolerance, so that |Psi|^2 is not what is sampled.
        """
        x, residual = replayed(self.corrected, z)
        require_small(residual, self.tolerance)
        return x, residual

    def corrected(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """What `invert` returns, whatever the residual."""
        error = self.pull_back(self.generate(z))[0] - z
        return self.generate(z - error), error.flatten(1).norm(dim=1)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """x of z and ln|det dx/dz|, (batch,), from t = 0 to 1."""
        x, log_det = self._forth(_with_divergence, [z.mT, z.new_zeros(len(z))])
        return x.mT, log_det

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.pull_back(x)

    def pull_back(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """zeta(x) and ln|det d zeta / dx| (batch,), from t = 1 to 0."""
        zeta, log_det = self._back(_with_divergence, [x.mT, x.new_zeros(len(x))])
        return zeta.mT, log_det

    @torch.no_grad()
    def jet(self, x: Tensor) -> PullBack:
        """zeta and ln|det| with their gradients and Laplacians in x; constants to autograd."""
        batch, n, dim = x.shape
        size = n * dim

        def slope(velocity: Velocity, t: float, state: State) -> State:
            v, divergence = velocity(Traced(*state[:3]), t)
            return [*v, *divergence]

        zero = x.new_zeros(batch)
        start = [*coordinates(x.mT.contiguous()), zero, x.new_zeros(size, batch), zero]
        zeta, gradient, laplacian, log_det, of_log_det, log_det_laplacian = self._back(slope, start)
        # coordinates stand as (dim, n) inside, as (n, dim) outside
        jacobian = gradient.view(dim, n, batch, dim, n).permute(2, 4, 3, 1, 0).reshape(batch, size, size)
        return PullBack(
            zeta.mT,
            log_det,
            jacobian,
            laplacian.mT,
            of_log_det.view(dim, n, batch).permute(2, 1, 0),
            log_det_laplacian,
        )

    def _forth(self, slope: Slope, state: State) -> State:
        """The state, whose positions stand first, and ln|det| after them, at x from that at z."""
        state = integrate(partial(slope, self.velocity), state, 0.0, 1.0, self.steps)
        if self.breathing:
            state = self.breathing.forth(state)
        return integrate(partial(slope, self.last), state, 0.0, 1.0, 1) if self.last else state

    def _back(self, slope: Slope, state: State) -> State:
        if self.last:
            state = integrate(partial(slope, self.last), state, 1.0, 0.0, 1)
        if self.breathing:
            state = self.breathing.back(state)
        return integrate(partial(slope, self.velocity), state, 1.0, 0.0, self.steps)


def require_small(residual: Tensor, tolerance: float) -> None:
    """Raises NotInvertible where a residual is above the tolerance."""
    if (residual > tolerance).any():
        raise NotInvertible(
            f"forth and back along the flow misses its start by {float(residual.max()):.2e}, more than "
            f"{tolerance:.0e}: raise --flow.steps, or train with a smaller learning rate or max_norm"
        )


def _with_divergence(velocity: Velocity, t: float, state: State) -> State:
    return velocity(state[0], t)
