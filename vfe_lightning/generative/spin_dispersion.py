"""Single-particle energies of an ideal gas of two spins, as logits of one sequence of sorted indices.

The orbitals of spin down are numbered after those of spin up, and the first n_up indices of a sequence are
of spin up, so that `Occupation` needs no change and a transformer sees both spins.
"""

import torch
from torch import Tensor, nn

from vfe_lightning.exact.ideal_gas import conditional_logits


class SpinDispersion(nn.Module):
    """Weights w_k = -beta eps_k + shift_k of n_up and n_down particles on the same orbitals.

    Args:
        weights: -beta eps_k of the ideal gas, (orbitals,).
        trainable: one shift a spin for each star of orbitals; otherwise there are no parameters.
        stars: which star each orbital belongs to, (orbitals,).
    """

    weights: Tensor
    stars: Tensor
    ideal: Tensor

    def __init__(self, weights: Tensor, n_up: int, n_down: int, stars: Tensor, trainable: bool) -> None:
        super().__init__()
        self.counts = (n_up, n_down)
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("stars", stars, persistent=False)
        shift = torch.zeros(2 if n_up and n_down else 1, int(stars.max()) + 1, dtype=weights.dtype)
        self.shift = nn.Parameter(shift) if trainable else None
        self.register_buffer("ideal", self._logits(shift), persistent=False)

    def logits(self) -> Tensor:
        """Logits of the i-th of the sorted indices, before the mask of earlier ones: (n, 2 orbitals)."""
        return self.ideal if self.shift is None else self._logits(self.shift)

    def jacobian(self) -> Tensor:
        """d logits / d shift: (n, 2 orbitals, parameters); zero where a logit is minus infinity."""
        assert self.shift is not None

        def finite_logits(shift: Tensor) -> Tensor:
            return torch.where(self.ideal.isfinite(), self._logits(shift), 0.0)

        return torch.func.jacfwd(finite_logits)(self.shift.detach()).flatten(2)

    def _logits(self, shift: Tensor) -> Tensor:
        never = self.weights.new_full((len(self.weights),), -torch.inf)
        spins = [s for s in range(2) if self.counts[s]]
        rows = []
        for s, of_spin in zip(spins, shift, strict=True):
            logits = conditional_logits(self.weights + of_spin[self.stars], self.counts[s])
            parts = [logits, never.expand_as(logits)]
            rows.append(torch.cat(parts if s == 0 else parts[::-1], dim=1))
        return torch.cat(rows)
