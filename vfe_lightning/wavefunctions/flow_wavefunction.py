r"""Plane-wave determinants pulled back by a flow, Psi_K(x) = Phi_K(zeta(x)) |det d zeta / d x|^(1/2).

They are orthonormal for different K if zeta is a bijection of the torus, that is if det J > 0 everywhere.
Xie, Zhang, Wang, SciPost Phys. 14, 154 (2023), arXiv 2201.03156.
"""

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.flow import Flow
from vfe_lightning.calculus.per_walker import per_walker_gradients
from vfe_lightning.wavefunctions.slater import log_slater, slater_gradient


class FlowWavefunction(nn.Module):
    """Psi_K of a flow in a periodic cube of the given side; K stands for wave vectors k (batch, n, dim)."""

    def __init__(self, flow: Flow, length: float):
        super().__init__()
        self.flow = flow
        self.length = length

    def log_psi(self, k: Tensor, x: Tensor) -> Tensor:
        """ln Psi_K(x), complex (batch,), at x (batch, n, dim)."""
        return self.log_psi_and_sign(k, x)[0]

    def log_psi_and_sign(self, k: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """ln Psi_K(x), complex (batch,), and the sign of det J (batch,): unless +1, zeta is no bijection."""
        zeta, jacobian = self.flow.jac(x, k.sum(dim=1))
        log_abs, phase = log_slater(zeta, k, self.length)
        sign, log_det = torch.linalg.slogdet(jacobian)
        return torch.complex(log_abs + 0.5 * log_det, phase), sign

    def scores(self, k: Tensor, x: Tensor, chunk_size: int = 32) -> Tensor:
        """d ln Psi_K(x) / d theta, complex (batch, P), parameters in the order of self.parameters().

        d ln Psi = g . d zeta + tr(J^-1 dJ) / 2: one backward pass for the real part, one through zeta alone
        for the imaginary part.  chunk_size walkers at a time bound the memory.
        """
        chunks = zip(k.split(chunk_size), x.split(chunk_size), strict=True)
        return torch.cat([self._scores(k_chunk, x_chunk) for k_chunk, x_chunk in chunks])

    def _scores(self, k: Tensor, x: Tensor) -> Tensor:
        def cotangents(zeta: Tensor, jacobian: Tensor) -> list[tuple[Tensor, Tensor | None]]:
            gradient = slater_gradient(zeta, k)
            inverse = torch.linalg.inv_ex(jacobian)[0]
            return [(gradient.real, 0.5 * inverse.mT), (gradient.imag, None)]

        real, imag = per_walker_gradients(self.flow, type(self.flow).jac, [x, k.sum(dim=1)], cotangents)
        return torch.complex(real, imag)
