"""What a system gives when it is trained: samples of rho, densities and wavefunctions."""

from typing import Any

import torch
from torch import Tensor

from vfe_lightning.errors import NotKnown


class Sampled:
    r"""Samples of $\rho = \sum_n p_n |\Psi_n\rangle\langle\Psi_n|$, or of a classical p(x).

    A system has a `model` of p and, of quantum particles, a `wavefunction`, `states` that it names by samples
    of p, and `positions` that it draws from |Psi|^2.
    """

    generator: torch.Generator
    unit_of_length: str | None = None  # of the positions that are sampled, where they have one

    @property
    def period(self) -> float | None:
        """Of all coordinates, in the unit of length; None where space has no end, or x is no position."""
        return getattr(getattr(self, "hamiltonian", None), "length", None)

    @torch.no_grad()
    def sample(self, n: int) -> Any:
        """n independent samples: x (n, ...), or of a quantum system the pair of states and x.

        Raises:
            NotKnown: there is no density that is drawn from.
        """
        state = self._part("model", "density to draw from").sample(n, self.generator)
        if not hasattr(self, "wavefunction"):
            return state
        return state, self.positions(self.states(state))

    def log_prob(self, x: Tensor) -> Tensor:
        """ln p of configurations, or of the states of a quantum system: (batch, ...) -> (batch,).

        Raises:
            NotKnown: there is no density.
        """
        return self._part("model", "density").log_prob(x)

    def log_psi(self, state: Tensor, x: Tensor) -> Tensor:
        """ln Psi_state(x), complex: (batch, ...), (batch, ...) -> (batch,).

        Raises:
            NotKnown: the system is classical.
        """
        return self._part("wavefunction", "wavefunction").log_psi(self.states(state), x)

    def states(self, sample: Tensor) -> Any:
        """The states of a quantum system that samples of p name."""
        raise NotImplementedError

    def positions(self, states: Any) -> Tensor:
        """x ~ |Psi|^2 of each state."""
        raise NotImplementedError

    def _part(self, name: str, what: str) -> Any:
        if not hasattr(self, name):
            raise NotKnown(f"this system has no {what}")
        return getattr(self, name)
