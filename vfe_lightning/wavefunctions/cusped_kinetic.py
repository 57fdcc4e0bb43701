r"""Local kinetic energy of a flow that follows a cusp, Psi(x) = Psi'(y(x)) |det dy/dx|^(1/2).

With C = dy/dx, G = C C^T and derivatives of ln Psi' in y,

    grad ln Psi = C^T grad' ln Psi' + grad ln|det C| / 2,
    Laplacian ln Psi = sum_ab G_ab d'_a d'_b ln Psi' + grad' ln Psi' . Laplacian y + Laplacian ln|det C| / 2.
"""

import torch
from torch import Tensor

from vfe_lightning.bijectors.cusped_flow import CuspedFlow
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.wavefunctions.base_states import BaseStates
from vfe_lightning.wavefunctions.kinetic import LocalKinetic, exact_of_a_few, in_chunks, pull_gradient

CUSPS = 4  # chunks whose cusps are made at once: far smaller tensors than those of the jet


@torch.no_grad()
def cusped_kinetic(flow: CuspedFlow, states: BaseStates, x: Tensor, chunk_size: int = 4) -> LocalKinetic:
    """Exact local kinetic energy at x (batch, n, dim); see `exact_kinetic`."""
    return in_chunks(lambda rows: _cusped(flow, states[rows], x[rows], chunk_size), x, CUSPS * chunk_size)


def _cusped(flow: CuspedFlow, states: BaseStates, x: Tensor, chunk_size: int) -> LocalKinetic:
    cusp = replayed(flow.cusp.jet, x)
    metric = cusp.jacobian @ cusp.jacobian.mT

    def smooth(rows: slice) -> LocalKinetic:
        return replayed(exact_of_a_few, flow.smooth, states[rows], cusp.y[rows], metric[rows])

    inner = in_chunks(smooth, x, chunk_size)
    gradient = pull_gradient(cusp.jacobian, inner.gradient) + 0.5 * cusp.log_det_gradient
    laplacian = inner.laplacian + (inner.gradient * cusp.laplacian).sum((1, 2)) + 0.5 * cusp.log_det_laplacian
    return LocalKinetic(
        inner.log_psi + 0.5 * cusp.log_det, gradient, laplacian, inner.sign, inner.log_det + cusp.log_det
    )
