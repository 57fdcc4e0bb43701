r"""Gibbs weights of given energies, $p(x) = e^{-\beta E_x} / \sum_y e^{-\beta E_y}$, for few spins.

With the diagonal elements $E_x = \langle x | U^\dagger H U | x \rangle$ of H in any basis they are the p(x)
of the lowest F, and $F = -\ln \sum_x e^{-\beta E_x} / \beta$ is Peierls' bound: Phys. Rev. 54, 918 (1938).
"""

import torch
from torch import Tensor

from vfe_lightning.errors import NotFinite
from vfe_lightning.generative.model import GenerativeModel
from vfe_lightning.hamiltonians.pauli import all_spins, numbers

NEGLIGIBLE = 1e-4  # probability of all states together that no gradient is taken of: half of the time


class PeierlsWeights(GenerativeModel):
    """Spins +-1 with a table of all their probabilities and no parameters; uniform until it has energies."""

    log_p: Tensor

    def __init__(self, sites: int) -> None:
        super().__init__()
        self.sites = sites
        everything = torch.zeros(2**sites, dtype=torch.float64)
        self.register_buffer("log_p", everything.log_softmax(0), persistent=False)

    def follow(self, energy: Tensor, beta: float) -> None:
        """p(x) of these energies: (2^sites,).

        Raises:
            NotFinite: an energy is NaN or infinite.
        """
        if not energy.isfinite().all():
            raise NotFinite("an energy of the circuit is not finite; nothing was updated")
        self.log_p = (-beta * energy).log_softmax(0)

    def likely_weights(self) -> Tensor:
        """p, and 0 of as many states as have a negligible part of it together: (2^sites,)."""
        p, order = self.log_p.exp().sort(descending=True)
        p[1 + (p.cumsum(0) < 1 - NEGLIGIBLE).sum() :] = 0
        return torch.empty_like(p).index_copy_(0, order, p)

    def log_prob(self, x: Tensor) -> Tensor:
        return self.log_p[numbers(x)]

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        index = self.log_p.exp().multinomial(n_samples, replacement=True, generator=generator)
        return all_spins(self.sites, self.log_p.device)[index]

    def scores(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), 0)
