r"""Electrons in a trap pulled back by a continuous flow, Psi_K(x) = Phi_K(zeta(x)) |det d zeta / dx|^(1/2).

They are orthonormal for different K, since a flow is a bijection. Xie, Zhang, Wang, arXiv 2105.08644. Phi_K
may have parameters of its own.
"""

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.continuous import ContinuousFlow
from vfe_lightning.calculus.per_walker import per_walker_gradients
from vfe_lightning.calculus.replay import replayed
from vfe_lightning.wavefunctions.base_states import BaseStates
from vfe_lightning.wavefunctions.oscillator_superpositions import OscillatorSuperpositions
from vfe_lightning.wavefunctions.trap_configuration_interaction import TrapConfigurationInteraction


class ContinuousFlowWavefunction(nn.Module):
    """Psi_K of a continuous flow, for any batch of base states Phi_K, those of `mixing` where it is given."""

    def __init__(self, flow: ContinuousFlow, mixing: TrapConfigurationInteraction | None = None) -> None:
        super().__init__()
        self.flow, self.mixing = flow, mixing

    def log_psi(self, states: BaseStates, x: Tensor) -> Tensor:
        """ln Psi_K(x), complex (batch,), at x (batch, n, 2)."""
        zeta, log_det = self.flow.pull_back(x)
        return states.log_psi(zeta) + 0.5 * log_det

    def scores(self, states: BaseStates, x: Tensor, chunk_size: int = 256) -> Tensor:
        """d ln Psi_K(x) / d theta, complex (batch, P), parameters in the order of self.parameters().

        chunk_size walkers at a time bound the memory of the backward passes through the integration.
        """
        rows = [slice(start, start + chunk_size) for start in range(0, len(x), chunk_size)]
        return torch.cat([replayed(self._scores, states[chunk], x[chunk]) for chunk in rows])

    def _scores(self, states: BaseStates, x: Tensor) -> Tensor:
        def cotangents(zeta: Tensor, log_det: Tensor) -> list[tuple[Tensor, Tensor | None]]:
            gradient = states.gradient(zeta)
            return [(gradient.real, torch.full_like(log_det, 0.5)), (gradient.imag, None)]

        real, imag = per_walker_gradients(self.flow, ContinuousFlow.pull_back, [x], cotangents)
        of_flow = torch.complex(real, imag)
        if self.mixing is None:
            return of_flow
        assert isinstance(states, OscillatorSuperpositions)
        with torch.no_grad():
            return torch.cat([of_flow, self.mixing.scores(states, self.flow.pull_back(x)[0])], dim=1)
