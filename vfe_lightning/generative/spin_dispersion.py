"""Single-particle energies of an ideal gas of two spins, as logits of one sequence of sorted indices.

The orbitals of spin down are numbered after those of spin up, and the first n_up indices of a sequence are
of spin up, so that `Occupation` needs no change and a transformer sees both spins.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from vfe_lightning.generative.dispersion import Dispersion


class SpinDispersion(nn.Module):
    """Weights w_k = -beta eps_k + shift_k of n_up and n_down particles on the same orbitals.

    Args:
        weights: -beta eps_k of the ideal gas, (orbitals,).
        trainable: one shift a spin for each star of orbitals; otherwise there are no parameters.
        stars: which star each orbital belongs to, (orbitals,).
    """

    def __init__(self, weights: Tensor, n_up: int, n_down: int, stars: Tensor, trainable: bool) -> None:
        super().__init__()
        self.trainable = trainable
        # The empty orbitals before and after those of each spin that has particles
        self.empty = [e for e, n in (((0, len(weights)), n_up), ((len(weights), 0), n_down)) if n]
        self.spins = nn.ModuleList(Dispersion(weights, n, stars, trainable) for n in (n_up, n_down) if n)

    def logits(self) -> Tensor:
        """Logits of the i-th of the sorted indices, before the mask of earlier ones: (n, 2 orbitals)."""
        return torch.cat([pad(spin.logits(), empty, value=-torch.inf) for spin, empty in self._each()])

    def jacobian(self) -> Tensor:
        """d logits / d shift: (n, 2 orbitals, parameters); zero where a logit is minus infinity."""
        blocks = [pad(spin.jacobian(), (0, 0, *empty)) for spin, empty in self._each()]
        stars = blocks[0].shape[2]
        return torch.cat([pad(b, (stars * i, stars * (len(blocks) - 1 - i))) for i, b in enumerate(blocks)])

    def _each(self) -> Iterator[tuple[Dispersion, tuple[int, int]]]:
        for spin, empty in zip(self.spins, self.empty, strict=True):
            assert isinstance(spin, Dispersion)
            yield spin, empty
