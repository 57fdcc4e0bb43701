"""A flow of electrons of both spins: the map that makes their cusp, then one that is smooth at contact."""

from torch import Tensor

from vfe_lightning.bijectors.flow import Flow, FlowWithJet
from vfe_lightning.bijectors.periodic_cusp import PeriodicCusp


class CuspedFlow(Flow):
    """zeta(x) = smooth(cusp(x)).

    Args:
        smooth: a flow without a kink where electrons of opposite spins meet.
    """

    def __init__(self, smooth: FlowWithJet, cusp: PeriodicCusp) -> None:
        super().__init__()
        self.smooth, self.cusp = smooth, cusp
        self.length = smooth.length

    def forward(self, x: Tensor, momentum: Tensor | None = None) -> Tensor:
        """zeta(x): (batch, n, dim) -> (batch, n, dim)."""
        return self.smooth(self.cusp(x), momentum)

    def jac(self, x: Tensor, momentum: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """zeta and J (batch, n dim, n dim), J[b, i dim + a, m dim + c] = d zeta_ia / d x_mc."""
        y, inner = self.cusp.jac(x)
        zeta, outer = self.smooth.jac(y, momentum)
        return zeta, outer @ inner
