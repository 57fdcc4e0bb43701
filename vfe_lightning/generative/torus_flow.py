r"""p(S) of positions in a periodic cube that are generated, S = T(z), from a density that is sampled exactly.

$$ \ln p(S) = \ln p_0(z) - \ln \det \partial T / \partial z, \qquad
   \partial_\theta \ln p \, |_S = -\partial_\theta \ln \det + \nabla_z ( \ln \det - \ln p_0 ) \, J^{-1} \,
   \partial_\theta T $$

p is wanted only where it was sampled, so that nothing is inverted: the score at fixed S needs one linear
solve and one backward pass. Lengths are in sides of the cube: -ln p is the entropy relative to independent
particles, and no density has a positive mean of it.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from vfe_lightning.bijectors.pair_layers import DIM, PairLayers
from vfe_lightning.calculus.per_walker import per_walker_gradients
from vfe_lightning.generative.reparameterized import ReparameterizedModel


class Start(nn.Module, ABC):
    """A density p_0 of n particles in the cube [0, 1)^3, periodic and without parameters."""

    n: int

    @abstractmethod
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent samples z: (n_samples, n, 3)."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """ln p_0, differentiable: (batch, n, 3) -> (batch,)."""


class Independent(Start):
    """Particles that know nothing of each other: p_0 = 1."""

    device_of: Tensor

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n
        self.register_buffer("device_of", torch.zeros((), dtype=torch.float64), persistent=False)

    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        return self.device_of.new_empty(n_samples, self.n, DIM).uniform_(generator=generator)

    def log_prob(self, z: Tensor) -> Tensor:
        return 0 * z.sum(dim=(1, 2))


class TorusFlow(ReparameterizedModel):
    """Layers that carry what was drawn of `start`; samples may lie outside the cube."""

    def __init__(self, start: Start, layers: PairLayers) -> None:
        super().__init__()
        self.start, self.layers = start, layers

    def rsample(self, n_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        return self.carried(self.start.sample(n_samples, generator))

    def carried(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """S = T(z) and ln p(S), differentiable: (batch, n, 3), (batch,). NaN where T folds."""
        x, log_det = self.layers(z)
        return x, self.start.log_prob(z) - log_det

    def log_prob(self, x: Tensor) -> Tensor:
        """At given points, by the inverse of the layers.

        Raises:
            NotInvertible: see `PairLayers.inverse`.
        """
        z, log_det = self.layers.inverse(x)
        return self.start.log_prob(z) + log_det

    def gradient(self, z: Tensor) -> Tensor:
        """grad ln p at S = T(z) by one linear solve, a constant to autograd: (batch, n, 3)."""
        with torch.inference_mode(False), torch.enable_grad():
            z = z.clone().requires_grad_()
            _, log_det, jacobian = self.layers.with_jacobian(z)
            (slope,) = torch.autograd.grad((self.start.log_prob(z) - log_det).sum(), z)
        return torch.linalg.solve_ex(jacobian.detach().mT, slope.flatten(1))[0].view_as(z)

    def scores(self, z: Tensor) -> Tensor:
        """d ln p(S) / d parameters at fixed S = T(z), in the order of `parameters()`: (batch, parameters)."""
        pull = -self.gradient(z)
        (found,) = per_walker_gradients(
            self.layers, PairLayers.forward, [z], lambda x, log_det: [(pull, -torch.ones_like(log_det))]
        )
        return found
