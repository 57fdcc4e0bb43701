"""What a system gives when it is trained: samples of rho, densities and wavefunctions, the Gibbs state."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning.declarations.evaluation import SequentialMonteCarlo
from vfe_lightning.errors import NotKnown
from vfe_lightning.finishing import Crossing, finish
from vfe_lightning.reporting import Reporting
from vfe_lightning.samplers.stops import Keeper
from vfe_lightning.statistics import Moments


class Sampled:
    r"""Samples of $\rho = \sum_n p_n |\Psi_n\rangle\langle\Psi_n|$, or of a classical p(x).

    A system has a `model` of p and, of quantum particles, a `wavefunction`, `states` that it names by samples
    of p, and `positions` that it draws from |Psi|^2.
    """

    generator: torch.Generator
    unit_of_length: str | None = None  # of the positions that are sampled, where they have one
    finishing: SequentialMonteCarlo | None = None  # how evaluations go on to the Gibbs state
    verdict: str | None = None  # whether the latest of them came there
    keeper: Keeper | None = None  # of where they are on their way

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

    def crossing(self) -> Crossing:
        """The way from the density to the Gibbs state.

        Raises:
            NotKnown: there is no density of configurations that is drawn from.
        """
        raise NotKnown(
            "evaluation smc goes from a density of configurations to the Gibbs state: there is none here"
        )

    def in_the_gibbs_state(
        self, seed: int, reporting: Reporting, asked: Mapping[str, Callable[[Tensor], Tensor]]
    ) -> dict[str, Moments]:
        """What sequential Monte Carlo finds, which leaves a verdict; nothing where nobody asked for it."""
        if self.finishing is None:
            return {}
        crossing = self.crossing().measuring(asked)
        found = finish(crossing, self.finishing, seed, self.generator.device, keeper=self.keeper)
        self.verdict = found.verdict(self.finishing.threshold)
        return found.numbers(reporting)

    def figures(self) -> dict[str, Figure]:
        """Pictures of the latest evaluation that only this system has."""
        return {}

    def _part(self, name: str, what: str) -> Any:
        if not hasattr(self, name):
            raise NotKnown(f"this system has no {what}")
        return getattr(self, name)
