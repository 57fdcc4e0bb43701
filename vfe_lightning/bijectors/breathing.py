r"""One trainable factor on all distances from the centre of mass R, x = R + e^lambda (y - R).

The slope of the energy in lambda is minus the virial of the relative motion, 2 K - 2 V_trap + V_Coulomb in
a trap, where nothing follows on it: at the optimum the virial theorem holds.
"""

import math

import torch
from torch import Tensor, nn

from vfe_lightning.calculus.runge_kutta import State


class Breathing(nn.Module):
    """Acts on the states of a flow: positions (batch, dim, n) or their triple of derivatives, then ln|det|.

    Its parameter may carry a leading walker axis, where the state is [x] or [x, ln|det|].
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale), dtype=torch.float64))

    def forth(self, state: State) -> State:
        """x, and ln|det dx/dz| where the state goes on with it."""
        return self._stretched(state, self.log_scale)

    def back(self, state: State) -> State:
        """y of x."""
        return self._stretched(state, -self.log_scale)

    def _stretched(self, state: State, log_scale: Tensor) -> State:
        _, dim, n = state[0].shape
        one = torch.eye(n, dtype=log_scale.dtype, device=log_scale.device)
        matrix = one + torch.expm1(log_scale)[..., None, None] * (one - 1 / n)
        positions, others = (state[:3], state[3:]) if len(state) == 6 else (state[:1], state[1:])
        moved = [x @ matrix for x in positions]
        return [*moved, *(t + dim * (n - 1) * log_scale for t in others[:1]), *others[1:]]
