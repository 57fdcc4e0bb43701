"""Which orbitals N fermions occupy: p(K) of an ideal gas, dressed, times a causal transformer.

K = {k_1 < ... < k_N} is sampled index by index, so that Pauli's principle is exact and every set
is one sequence: Xie, Zhang & Wang, SciPost Phys. 14, 154 (2023), section 2.2. There the ideal gas
is learned by pretraining; here it is built in exactly.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from vfe_lightning.calculus.per_walker import per_walker_gradients
from vfe_lightning.generative.causal_transformer import CausalTransformer
from vfe_lightning.generative.dispersion import Dispersion
from vfe_lightning.generative.model import GenerativeModel
from vfe_lightning.generative.spin_dispersion import SpinDispersion


class FermiSea(GenerativeModel):
    """All weight on the n lowest orbitals, or on those given, (n,); no parameters."""

    lowest: Tensor

    def __init__(self, n: int, occupied: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("lowest", torch.arange(n) if occupied is None else occupied, persistent=False)

    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        return self.lowest.expand(n_samples, -1)

    def log_prob(self, x: Tensor) -> Tensor:
        """Zero for these orbitals, minus infinity otherwise: (batch, n) -> (batch,)."""
        return torch.where(x.eq(self.lowest).all(dim=1), 0.0, -torch.inf).double()

    def scores(self, x: Tensor) -> Tensor:
        """(batch, 0): there is nothing to train."""
        return torch.zeros(len(x), 0, dtype=torch.float64, device=x.device)


class Occupation(GenerativeModel):
    """p(K) of sorted orbital indices K, (batch, n).

    Args:
        dispersion: gives the logits of a (dressed) ideal gas.
        orbitals: the tokens that the transformer sees, (orbitals, dim).
        network: logits that are added to those of the ideal gas, None for none.
    """

    orbitals: Tensor

    def __init__(
        self, dispersion: Dispersion | SpinDispersion, orbitals: Tensor, network: CausalTransformer | None
    ) -> None:
        super().__init__()
        self.dispersion, self.network = dispersion, network
        self.register_buffer("orbitals", orbitals, persistent=False)

    def log_prob(self, x: Tensor) -> Tensor:
        correction = 0.0 if self.network is None else self.network(self.orbitals[x])
        return log_prob_of(x, self.dispersion.logits() + correction)

    @torch.no_grad()
    def sample(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        logits = self.dispersion.logits().unbind()
        return drawn(logits, n_samples, self.network, lambda k: self.orbitals[k[:, 0]], None, generator)

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """d ln p / d parameters, in the order of `parameters()`: (batch, n) -> (batch, parameters)."""
        ideal = self.dispersion.logits()
        slope = ideal  # d ln p / d logits, set on the way: it needs the network's only forward pass

        def cotangent(correction: Tensor) -> list[tuple[Tensor]]:
            nonlocal slope
            conditional = _conditional(x, ideal + correction).exp()
            slope = nn.functional.one_hot(x, conditional.shape[-1]) - conditional
            return [(slope,)]

        if self.network is None:
            cotangent(torch.zeros_like(ideal))
            of_network = []
        else:
            of_network = per_walker_gradients(
                self.network, lambda network, tokens: (network(tokens),), [self.orbitals[x]], cotangent
            )
        if not self.dispersion.trainable:
            return of_network[0]
        of_dispersion = slope.flatten(1) @ self.dispersion.jacobian().flatten(0, 1)
        return torch.cat([of_dispersion, *of_network], dim=1)


def drawn(
    logits: Sequence[Tensor],
    n_samples: int,
    network: CausalTransformer | None,
    token: Callable[[Tensor], Tensor],
    first: Tensor | None,
    generator: torch.Generator | None,
) -> Tensor:
    """Sorted indices, one after the other: (n_samples, n).

    Args:
        logits: of the ideal gas at each position, (orbitals,) or (n_samples, orbitals).
        token: what the network sees of indices (n_samples, 1): (n_samples, features).
        first: what it sees before any, None for nothing.
    """
    index = torch.arange(logits[0].shape[-1], device=logits[0].device)
    previous = index.new_full((n_samples, 1), -1)
    chosen: list[Tensor] = []
    cache: list = []
    for ideal in logits:
        conditional = ideal.expand(n_samples, -1)
        if network is not None:
            seen = token(previous) if chosen else first
            correction, cache = network.step(seen, n_samples, cache)
            conditional = conditional + correction
        conditional = conditional.masked_fill(index <= previous, -torch.inf)
        # what torch.multinomial does, but for its checks, for which a GPU would wait
        race = torch.empty_like(conditional).exponential_(generator=generator)
        previous = (conditional.softmax(dim=1) / race).argmax(dim=1, keepdim=True)
        chosen.append(previous)
    return torch.cat(chosen, dim=1)


def log_prob_of(x: Tensor, logits: Tensor) -> Tensor:
    """ln p of sorted indices from logits (n, orbitals) or (batch, n, orbitals): (batch, n) -> (batch,)."""
    return _conditional(x, logits).gather(-1, x[..., None]).squeeze(-1).sum(dim=1)


def _conditional(x: Tensor, logits: Tensor) -> Tensor:
    """ln p(k_i = k | k_{i-1}) of every orbital k at every position i: (batch, n, orbitals)."""
    previous = torch.cat([x.new_full((len(x), 1), -1), x[:, :-1]], dim=1)
    index = torch.arange(logits.shape[-1], device=x.device)
    return logits.masked_fill(index <= previous[..., None], -torch.inf).log_softmax(dim=-1)
