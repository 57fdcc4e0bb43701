"""What every Hamiltonian is."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Hamiltonian(nn.Module, ABC):
    """The energy function of a physical system.

    For a quantum system this is the part that is diagonal in the sampled basis, the potential
    energy in continuous space.
    """

    @abstractmethod
    def energy(self, x: Tensor) -> Tensor:
        """Energy of each configuration: (batch, ...) -> (batch,)."""


class ContinuousHamiltonian(Hamiltonian, ABC):
    """An energy that is differentiable in continuous coordinates."""

    @abstractmethod
    def gradient(self, x: Tensor) -> Tensor:
        """dH / dx of each configuration, a constant to autograd: (batch, ...) -> (batch, ...).

        In closed form where that is cheap, by `calculus.gradient` otherwise.
        """
