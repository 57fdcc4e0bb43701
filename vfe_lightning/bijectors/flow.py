"""What every coordinate flow x -> zeta of electrons offers, and the jet that exact kinetic energies read."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class Jet(NamedTuple):
    """A map x -> zeta and its derivatives at a batch of points; D = n dim coordinates."""

    zeta: Tensor  # (batch, n, dim)
    jacobian: Tensor  # (batch, D, D): d_c zeta_a
    laplacian: Tensor  # (batch, n, dim)
    hessian: Tensor  # (batch, D, D, D): [a, c, m] = d_c d_m zeta_a
    grad_laplacian: Tensor  # (batch, D, D): [a, m] = d_m Laplacian zeta_a


class Flow(nn.Module, ABC):
    """A differentiable map of electrons in a periodic cube of side length; values are its forward.

    forward and jac must also work when every parameter carries a leading walker axis (one copy a walker):
    this is how per-walker gradients are made.

    momentum, (batch, dim), is the total momentum of each walker's K in absolute units. A flow may depend on
    it: it commutes with translations, so that states of different total momentum stay orthogonal.
    """

    length: float

    @abstractmethod
    def jac(self, x: Tensor, momentum: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """zeta and J (batch, n dim, n dim), J[b, i dim + a, m dim + c] = d zeta_ia / d x_mc."""


class FlowWithJet(Flow, ABC):
    """A flow with hand-derived third-order derivatives."""

    @abstractmethod
    def jet(self, x: Tensor, momentum: Tensor | None = None, metric: Tensor | None = None) -> Jet:
        """All derivatives that the exact Laplacian of ln Psi needs; constants to autograd.

        Args:
            metric: G in sum_cm G_cm d_c d_m for the Laplacians, as if constant: (batch, D, D), symmetric; by
                default the unit.
        """
