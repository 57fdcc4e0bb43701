"""What is measured of an electron gas as a function of distance or momentum."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.declarations.twist import Several
from vfe_lightning.estimators import correlations
from vfe_lightning.generative.twisted_occupation import TwistedOccupation

PAIR_CORRELATION_BINS = 40


def of_positions(
    d: declarations.ElectronGas, length: float, k: Tensor, shells: Tensor, x: Tensor
) -> dict[str, Callable[[], Tensor]]:
    """g(r) and S(k) of each walker, and with both spins g(r) of each kind of pairs.

    Args:
        k, shells: of S(k).
    """
    g = partial(correlations.pair_correlation, x, length, PAIR_CORRELATION_BINS)
    made: dict[str, Callable[[], Tensor]] = {
        "pair_correlation": g,
        "structure_factor": lambda: correlations.structure_factor(x, k, shells),
    }
    if d.n_down:
        for kind, pairs in correlations.pairs_of_spins(d.n_up, d.n_down, x.device).items():
            made[f"pair_correlation_{kind}"] = partial(g, pairs)
    return made


def of_occupations(
    d: declarations.ElectronGas, cutoff: int, orbitals: int, model: object, sample: Tensor
) -> dict[str, Callable[[], Tensor]]:
    """<n_k> of each orbital, or as a function of |k| where each sample has orbitals of its own twist.

    Args:
        sample: of p(K).
    """
    each = d.walkers_per_state
    twists = d.twists
    if not isinstance(model, TwistedOccupation) or not isinstance(twists, Several):
        return {
            "occupation": lambda: correlations.occupation_numbers(sample, orbitals).repeat_interleave(each, 0)
        }

    def by_length() -> Tensor:
        edges, density = (t.to(sample.device) for t in correlations.momentum_shells(twists, d.dim, cutoff))
        spins = model.wave_vectors(sample).split(model.particles, dim=1)
        # no orbital is ever in some shells of a grid
        share = torch.where(density > 0, 1 / density, 0.0)
        counts = [share * correlations.shell_counts(k.norm(dim=2), edges) for k in spins]
        return torch.cat(counts, dim=1).repeat_interleave(each, 0)

    return {"occupation_by_momentum": by_length}
