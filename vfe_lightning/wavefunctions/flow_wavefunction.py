r"""Fermions pulled back by a flow, Psi_K(x) = Phi_K(zeta(x)) |det d zeta / d x|^(1/2).

They are orthonormal for different K if zeta is a bijection of the torus, that is if det J > 0 everywhere.
Xie, Zhang, Wang, SciPost Phys. 14, 154 (2023), arXiv 2201.03156.
"""

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.flow import Flow
from vfe_lightning.calculus.per_walker import per_walker_gradients
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.calculus.single_precision import SinglePrecision
from vfe_lightning.wavefunctions.base_states import BaseStates


class FlowWavefunction(nn.Module):
    """Psi_K of a flow, for any batch of base states Phi_K.

    Args:
        mixed: the flow is in single precision in the scores, which only training reads.
    """

    def __init__(self, flow: Flow, mixed: bool = False):
        super().__init__()
        self.flow = flow
        self.single = SinglePrecision(flow) if mixed else None

    def log_psi(self, states: BaseStates, x: Tensor) -> Tensor:
        """ln Psi_K(x), complex (batch,), at x (batch, n, dim)."""
        return self.log_psi_and_sign(states, x)[0]

    def log_psi_and_sign(self, states: BaseStates, x: Tensor) -> tuple[Tensor, Tensor]:
        """ln Psi_K(x), complex (batch,), and the sign of det J (batch,): unless +1, zeta is no bijection."""
        zeta, jacobian = self.flow.jac(x, states.momentum)
        sign, log_det = torch.linalg.slogdet(jacobian)
        return states.log_psi(zeta) + 0.5 * log_det, sign

    def scores(self, states: BaseStates, x: Tensor, chunk_size: int = 32) -> Tensor:
        """d ln Psi_K(x) / d theta, complex (batch, P), parameters in the order of self.parameters().

        d ln Psi = g . d zeta + tr(J^-1 dJ) / 2: one backward pass for the real part, one through zeta alone
        for the imaginary part.  chunk_size walkers at a time bound the memory.
        """
        rows = [slice(start, start + chunk_size) for start in range(0, len(x), chunk_size)]
        flow, dtype = (self.flow, x.dtype) if self.single is None else (self.single(), torch.float32)
        parts = [replayed(_scores, flow, states[chunk], x[chunk], dtype) for chunk in rows]
        return torch.cat(parts).to(torch.complex128)


def _scores(flow: Flow, states: BaseStates, x: Tensor, dtype: torch.dtype) -> Tensor:
    def cotangents(zeta: Tensor, jacobian: Tensor) -> list[tuple[Tensor, Tensor | None]]:
        gradient = states.gradient(zeta.to(x.dtype))
        inverse = torch.linalg.inv_ex(jacobian)[0]
        return [(gradient.real.to(dtype), 0.5 * inverse.mT), (gradient.imag.to(dtype), None)]

    inputs = [x.to(dtype), states.momentum.to(dtype)]
    real, imag = per_walker_gradients(flow, type(flow).jac, inputs, cotangents)
    return torch.complex(real, imag)
