r"""The Hopfield model at any N by counting.

Sites with the same pattern bits up to a common sign form a class; all configurations with A_c
aligned sites in class c have the same overlaps, and there are $\prod_c \binom{n_c}{A_c}$ of them.
"""

import math

import torch
from torch import Tensor

from vfe_lightning.errors import NotKnown
from vfe_lightning.exact.accuracy import EPSILON
from vfe_lightning.exact.enumeration import thermodynamics
from vfe_lightning.result import Reference

MOST_LEVELS = 2**24


def hopfield(patterns: Tensor, beta: float) -> Reference:
    """F, E, S and C of H = -1/(2N) sum_mu (xi_mu . s)^2 + P/2.

    Args:
        patterns: xi, +-1, (P, N).

    Raises:
        NotKnown: too many classes to count.
    """
    count, n = patterns.shape
    classes, sizes = torch.unique(patterns * patterns[:1], dim=1, return_counts=True)
    if (count_of_levels := math.prod((sizes + 1).tolist())) > MOST_LEVELS:
        raise NotKnown(f"{count_of_levels:.0e} levels of overlaps are too many to count")
    overlaps = torch.zeros(count, 1, dtype=torch.float64)
    log_degeneracy = torch.zeros(1, dtype=torch.float64)
    for bits, size in zip(classes.mT.double(), sizes.double(), strict=True):
        flipped = torch.arange(int(size) + 1, dtype=torch.float64)
        binomial = torch.lgamma(size + 1) - torch.lgamma(flipped + 1) - torch.lgamma(size - flipped + 1)
        sums = size - 2 * flipped
        overlaps = (overlaps[:, :, None] + bits[:, None, None] * sums).flatten(1)
        log_degeneracy = (log_degeneracy[:, None] + binomial).flatten()
    levels = -overlaps.square().sum(0) / (2 * n) + count / 2
    rounding = 2 * EPSILON * levels.abs().max().item()  # of one division: overlaps are integers
    log_rounding = 8 * EPSILON * len(sizes) * (1 + math.lgamma(n + 1))
    return thermodynamics(levels, beta, log_degeneracy, rounding, log_rounding)
