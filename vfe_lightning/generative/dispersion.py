"""Single-particle energies of an ideal Fermi gas, exact or trainable.

The canonical ideal gas is an autoregressive model in closed form: with sorted indices,
p(k_i = k | k_{i-1}) is proportional to exp(w_k) e_{N-i-1}(exp w_{k+1}, ...), where w = -beta eps
and e_m are the elementary symmetric polynomials. A trainable eps is Landau's dressed dispersion.
"""

import torch
from torch import Tensor, nn

from vfe_lightning.exact.ideal_gas import conditional_logits


class Dispersion(nn.Module):
    """Weights w_k = -beta eps_k + shift_k of n particles on given orbitals.

    Args:
        weights: -beta eps_k of the ideal gas, (orbitals,).
        n: particles.
        trainable: one shift for each star of orbitals; otherwise there are no parameters.
        stars: which star each orbital belongs to, (orbitals,), see `stars_of`.
    """

    weights: Tensor
    stars: Tensor
    ideal: Tensor

    def __init__(self, weights: Tensor, n: int, stars: Tensor, trainable: bool) -> None:
        super().__init__()
        self.n, self.trainable = n, trainable
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("stars", stars, persistent=False)
        self.shift = (
            nn.Parameter(torch.zeros(int(stars.max()) + 1, dtype=weights.dtype)) if trainable else None
        )
        self.register_buffer("ideal", conditional_logits(weights, n), persistent=False)

    def logits(self) -> Tensor:
        """Logits of the i-th of the sorted indices, before the mask of earlier ones: (n, orbitals)."""
        if self.shift is None:
            return self.ideal
        return conditional_logits(self.weights + self.shift[self.stars], self.n)

    def jacobian(self) -> Tensor:
        """d logits / d shift: (n, orbitals, stars); zero where a logit is minus infinity."""
        assert self.shift is not None

        def finite_logits(shift: Tensor) -> Tensor:
            logits = conditional_logits(self.weights + shift[self.stars], self.n)
            return torch.where(self.ideal.isfinite(), logits, 0.0)

        return torch.func.jacfwd(finite_logits)(self.shift.detach())


def stars_of(orbitals: Tensor) -> Tensor:
    """Number the stars of symmetric orbitals: (orbitals, dim) with their twist -> (orbitals,).

    Two orbitals belong together if a permutation of the axes, or a reflection k -> -k of an axis
    that maps the twisted grid on itself (twist 0 or 1/2), takes one to the other. The twist is the
    same along every axis.
    """
    reflects = torch.frac(2 * orbitals.abs()).eq(0).all()
    images = orbitals.abs() if reflects else orbitals
    return torch.unique(images.sort(dim=1).values, dim=0, return_inverse=True)[1]
