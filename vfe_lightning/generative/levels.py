r"""Boltzmann weights of many-body levels that are known, p(K) = exp(-E_K / T + sum_k n_k shift_k) / Z.

For few particles, where all levels can be listed. Like a quasiparticle gas it has one trainable shift for
each star of symmetric orbitals, on top of the energies of states that interact.
"""

import torch
from torch import Tensor, nn

from vfe_lightning.generative.model import GenerativeModel


def code(occupied: Tensor, orbitals: int) -> Tensor:
    """Each set of sorted orbital indices as one number, in lexicographic order: (batch, n) -> (batch,)."""
    base = orbitals ** torch.arange(occupied.shape[1] - 1, -1, -1, device=occupied.device)
    return (occupied * base).sum(dim=1)


class Levels(GenerativeModel):
    """p(K) of sorted orbital indices K, (batch, n).

    Args:
        energies: of all sets of n orbitals in lexicographic order, over T: (levels,).
        n: particles.
        stars: which star each orbital belongs to, (orbitals,).
    """

    energies: Tensor
    occupied: Tensor
    codes: Tensor
    numbers: Tensor

    def __init__(self, energies: Tensor, n: int, stars: Tensor) -> None:
        super().__init__()
        self.orbitals = len(stars)
        occupied = torch.combinations(torch.arange(self.orbitals), n)
        numbers = torch.zeros(len(occupied), int(stars.max()) + 1, dtype=energies.dtype)
        numbers.scatter_add_(1, stars[occupied], torch.ones_like(occupied, dtype=energies.dtype))
        tables = {"occupied": occupied, "codes": code(occupied, self.orbitals), "numbers": numbers}
        for name, table in (tables | {"energies": energies}).items():
            self.register_buffer(name, table, persistent=False)
        self.shift = nn.Parameter(torch.zeros(numbers.shape[1], dtype=energies.dtype))

    def log_prob(self, x: Tensor) -> Tensor:
        return self._log_probs()[self._index(x)]

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        chosen = torch.multinomial(self._log_probs().exp(), n_samples, replacement=True, generator=generator)
        return self.occupied[chosen]

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """d ln p / d shift, n_star(K) - <n_star>: (batch, n) -> (batch, stars)."""
        return self.numbers[self._index(x)] - self._log_probs().exp() @ self.numbers

    def _log_probs(self) -> Tensor:  # of all levels, (levels,)
        return (self.numbers @ self.shift - self.energies).log_softmax(dim=0)

    def _index(self, x: Tensor) -> Tensor:
        return torch.searchsorted(self.codes, code(x, self.orbitals))
