"""Equal particles told apart by sites: one labelling of each configuration, by the Hungarian algorithm.

A flow that is no function of the set of particles has to learn one of the n! regions that differ by the names
of the particles only: Noe, Olsson, Koehler & Wu, Science 365, eaaw1147 (2019), supplementary materials.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


class Relabelling:
    """The labelling with the least sum of squared distances from sites.

    Args:
        sites: (n, dim).
        kinds: how many particles there are of each kind, in their order; they sum up to n.

    Attributes:
        log_images: ln of the number of labellings.
    """

    def __init__(self, sites: Tensor, kinds: Sequence[int]) -> None:
        self.sites, self.kinds = sites, kinds
        self.log_images = sum(math.lgamma(count + 1) for count in kinds)

    def order(self, x: Tensor) -> Tensor:
        """Which particle belongs to each site: (batch, n, dim) -> (batch, n)."""
        first, columns = 0, []
        for count in self.kinds:
            kind = slice(first, first + count)
            costs = -(self.sites[kind].to(x) @ x[:, kind].detach().mT).nan_to_num().cpu().numpy()
            found = np.array([linear_sum_assignment(cost)[1] for cost in costs])
            columns.append(first + torch.from_numpy(found))
            first += count
        return torch.cat(columns, dim=1).to(x.device)

    def representative(self, x: Tensor) -> Tensor:
        """The same configuration with that labelling: (batch, n, dim) -> (batch, n, dim)."""
        return x.gather(1, self.order(x)[..., None].expand_as(x))

    def log_images_of(self, x: Tensor) -> Tensor:
        """ln of how many configurations a sample stands for, -inf where it is named otherwise: (batch,)."""
        named = (self.order(x) == torch.arange(x.shape[1], device=x.device)).all(dim=1)
        return x.new_full((len(x),), self.log_images).masked_fill(~named, -math.inf)
