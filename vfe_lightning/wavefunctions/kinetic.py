r"""Local kinetic energy -nabla^2 Psi / Psi = -[nabla^2 ln Psi + (nabla ln Psi)^2] of flow wavefunctions.

With J = d zeta / d x, W = J^-1, T_m = d_m J, K = d (Laplacian zeta) / d x, and g and H the gradient and
Hessian of ln Phi in zeta:

    d_m ln det J = tr(W T_m),            Laplacian ln det J = tr(W K) - sum_m tr(W T_m W T_m),
    grad ln Phi(zeta) = J^T g,           Laplacian ln Phi(zeta) = sum (J J^T) o H + g . Laplacian zeta,

and along a direction v: v.Hess(ln det J).v = tr(W J'') - tr(W J' W J').
Energies in Ry / r_s^2, lengths in r_s a_0.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from vfe_lightning.bijectors.continuous import ContinuousFlow
from vfe_lightning.bijectors.flow import Flow, FlowWithJet
from vfe_lightning.calculus.directional import directional_jet
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.wavefunctions.base_states import BaseStates


class LocalKinetic(NamedTuple):
    """ln Psi with its derivatives at a batch of points."""

    log_psi: Tensor  # (batch,), complex
    gradient: Tensor  # (batch, n, dim), complex
    laplacian: Tensor  # (batch,), complex: Laplacian of ln Psi
    sign: Tensor  # (batch,), of det J
    log_det: Tensor  # (batch,), ln|det J|

    @property
    def energy(self) -> Tensor:
        """-nabla^2 Psi / Psi, complex (batch,), in Ry / r_s^2."""
        return -(self.laplacian + self.gradient.square().sum((1, 2)))


@torch.no_grad()
def exact_kinetic(flow: FlowWithJet, states: BaseStates, x: Tensor, chunk_size: int = 4) -> LocalKinetic:
    """Exact local kinetic energy of a flow with a hand-derived jet, at x (batch, n, dim).

    chunk_size walkers at a time keep the third-order tensors in cache; raise it on a GPU.
    """
    return in_chunks(lambda rows: replayed(exact_of_a_few, flow, states[rows], x[rows]), x, chunk_size)


@torch.no_grad()
def forward_laplacian_kinetic(flow: Flow, states: BaseStates, x: Tensor, chunk_size: int = 1) -> LocalKinetic:
    """The same numbers from `flow.jac` alone, by derivatives along all n dim unit directions."""
    _, n, dim = x.shape
    unit = torch.eye(n * dim, dtype=x.dtype, device=x.device).view(-1, 1, n, dim)

    def chunk(rows: slice) -> LocalKinetic:
        first, second = _along(flow, states[rows], x[rows], unit.expand(-1, len(x[rows]), -1, -1))
        return _with_log_psi(flow, states[rows], x[rows], first.mT.reshape(-1, n, dim), second.sum(0))

    return in_chunks(chunk, x, chunk_size)


@torch.no_grad()
def hutchinson_kinetic(
    flow: Flow, states: BaseStates, x: Tensor, directions: Tensor, chunk_size: int = 4
) -> LocalKinetic:
    """Exact gradient and an unbiased Laplacian, the mean of v.Hess(ln Psi).v over random directions.

    Args:
        directions: (R, batch, n, dim) with independent entries of mean 0 and variance 1, +-1 for least noise.
    """

    def chunk(rows: slice) -> LocalKinetic:
        _, second = _along(flow, states[rows], x[rows], directions[:, rows])
        return _with_log_psi(
            flow, states[rows], x[rows], _gradient(flow, states[rows], x[rows]), second.mean(0)
        )

    return in_chunks(chunk, x, chunk_size)


@torch.no_grad()
def continuous_kinetic(
    flow: ContinuousFlow, states: BaseStates, x: Tensor, chunk_size: int = 64
) -> LocalKinetic:
    """Exact local kinetic energy of a continuous flow, whose jet holds the derivatives of ln|det J| too."""
    return in_chunks(lambda rows: replayed(continuous_of_a_few, flow, states[rows], x[rows]), x, chunk_size)


def continuous_of_a_few(flow: ContinuousFlow, states: BaseStates, x: Tensor) -> LocalKinetic:
    """The same of all walkers at once."""
    pull = flow.jet(x)
    base = states.jet(pull.zeta)
    gradient = pull_gradient(pull.jacobian, base.gradient) + 0.5 * pull.log_det_gradient
    laplacian = base.hessian_contraction(pull.jacobian @ pull.jacobian.mT) + 0.5 * pull.log_det_laplacian
    laplacian = laplacian + (base.gradient * pull.laplacian).sum((1, 2))
    log_psi = base.log_psi + 0.5 * pull.log_det
    return LocalKinetic(log_psi, gradient, laplacian, torch.ones_like(pull.log_det), pull.log_det)


def exact_of_a_few(
    flow: FlowWithJet, states: BaseStates, x: Tensor, metric: Tensor | None = None
) -> LocalKinetic:
    """The same of all walkers at once.

    Args:
        metric: G, (batch, n dim, n dim), for sum_ab G_ab d_a d_b in place of Laplacians.
    """
    batch, n, dim = x.shape
    size = n * dim
    zeta, jacobian, laplacian, hessian, grad_laplacian = flow.jet(x, states.momentum, metric)
    inverse = torch.linalg.inv_ex(jacobian)[0]
    sign, log_det = torch.linalg.slogdet(jacobian)
    turned = (inverse @ hessian.flatten(2)).view(batch, size, size, size)  # [c, b, m] = (W T_m)_cb
    slope = torch.diagonal(turned, dim1=1, dim2=2).sum(-1)
    other = turned if metric is None else (turned.flatten(1, 2) @ metric).view_as(turned)
    # the jet's largest tensor has served: its memory takes the products, which costs no new pages
    squares = torch.mul(other, turned.transpose(1, 2), out=hessian)
    curvature = (inverse.mT * grad_laplacian).sum((1, 2)) - squares.sum((1, 2, 3))
    base = states.jet(zeta)
    of_zeta = jacobian @ jacobian.mT if metric is None else jacobian @ metric @ jacobian.mT
    gradient = pull_gradient(jacobian, base.gradient) + 0.5 * slope.view(batch, n, dim)
    total = base.hessian_contraction(of_zeta) + (base.gradient * laplacian).sum((1, 2)) + 0.5 * curvature
    log_psi = base.log_psi + 0.5 * log_det
    return LocalKinetic(log_psi, gradient, total, sign, log_det)


def _along(flow: Flow, states: BaseStates, x: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """First and second derivatives of ln Psi along directions (R, batch, n, dim): complex (R, batch) each."""
    count, batch = directions.shape[:2]

    rows = torch.arange(batch, device=x.device).repeat(count)
    repeated = states[rows]
    jet = directional_jet(lambda y: flow.jac(y, repeated.momentum), x[rows], directions.flatten(0, 1))
    base = repeated.jet(jet.zeta)
    inverse = torch.linalg.inv_ex(jet.jacobian)[0]
    turned = inverse @ jet.jacobian_first
    step = jet.zeta_first.flatten(1)
    first = (base.gradient * jet.zeta_first).sum((1, 2)) + 0.5 * torch.diagonal(turned, dim1=1, dim2=2).sum(
        -1
    )
    curvature = (inverse.mT * jet.jacobian_second).sum((1, 2)) - (turned * turned.mT).sum((1, 2))
    second = (
        base.hessian_contraction(step[:, :, None] * step[:, None])
        + (base.gradient * jet.zeta_second).sum((1, 2))
        + 0.5 * curvature
    )
    return first.view(count, batch), second.view(count, batch)


def _gradient(flow: Flow, states: BaseStates, x: Tensor) -> Tensor:
    """Exact grad ln Psi, complex (batch, n, dim), by one backward pass from J."""
    with torch.inference_mode(False), torch.enable_grad():
        point = x.clone().requires_grad_()
        zeta, jacobian = flow.jac(point, states.momentum)
        with torch.no_grad():
            inverse = torch.linalg.inv_ex(jacobian)[0]
        (slope,) = torch.autograd.grad(jacobian, point, 0.5 * inverse.mT)
    return pull_gradient(jacobian.detach(), states.gradient(zeta.detach())) + slope


def pull_gradient(jacobian: Tensor, gradient: Tensor) -> Tensor:
    """J^T g for real J and complex g (batch, n, dim)."""
    parts = torch.view_as_real(gradient.reshape(len(gradient), -1).contiguous())
    return torch.view_as_complex((jacobian.mT @ parts).contiguous()).view_as(gradient)


def _with_log_psi(
    flow: Flow, states: BaseStates, x: Tensor, gradient: Tensor, laplacian: Tensor
) -> LocalKinetic:
    zeta, jacobian = flow.jac(x, states.momentum)
    base = states.jet(zeta)
    sign, log_det = torch.linalg.slogdet(jacobian)
    log_psi = base.log_psi + 0.5 * log_det
    return LocalKinetic(log_psi, gradient, laplacian, sign, log_det)


def in_chunks(chunk: Callable[[slice], LocalKinetic], x: Tensor, chunk_size: int) -> LocalKinetic:
    rows = [slice(start, start + chunk_size) for start in range(0, len(x), chunk_size)]
    return LocalKinetic(*(torch.cat(parts) for parts in zip(*map(chunk, rows), strict=True)))
