r"""ln Z from samples of both sides, of a model and of the Gibbs state: the acceptance ratio.

$$ \sum_{x \sim p} \sigma(\ln w - \ln Z + M) = \sum_{x \sim \pi} \sigma(\ln Z - \ln w - M), \quad
   w = e^{-\beta U} / p, \; M = \ln n_\pi / n_p $$

Bennett, J. Comput. Phys. 22, 245 (1976); it needs much less overlap than weights of one side. A part of
space, such as one state of a molecule, has a Z of its own: samples of p elsewhere have no weight, w = 0.
"""

import math
from dataclasses import dataclass

import torch
from scipy.optimize import root_scalar
from torch import Tensor


@dataclass(frozen=True)
class AcceptanceRatio:
    """ln Z as both sides have it.

    Attributes:
        log_z: ln Z.
        error: its standard error for independent samples, Shirts et al., PRL 91, 140601 (2003); infinite
            where the two sides do not meet.
        overlap: 1 where p is the Gibbs state, 0 where the two have nothing in common.
    """

    log_z: float
    error: float
    overlap: float


def acceptance_ratio(of_model: Tensor, of_data: Tensor) -> AcceptanceRatio:
    """From ln w at samples of the model, -inf outside of the part, and at data of it: (samples,) each.

    Data at which p is nothing have ln w = inf.
    """
    n_model, n_data = len(of_model), len(of_data)
    inside, of_data = of_model[of_model > -math.inf], of_data[of_data < math.inf]
    if not (len(inside) and len(of_data)):
        return AcceptanceRatio(math.nan, math.inf, 0.0)
    log_ratio = math.log(n_data / n_model)

    def surplus(log_z: float) -> float:
        shift = log_ratio - log_z
        return ((inside + shift).sigmoid().sum() - (-of_data - shift).sigmoid().sum()).item()

    both = torch.cat([inside, of_data])
    reach = abs(log_ratio) + math.log(n_model + n_data) + 1
    log_z = root_scalar(surplus, bracket=(both.min().item() - reach, both.max().item() + reach)).root
    p = (both + (log_ratio - log_z)).sigmoid()
    information = (p * (1 - p)).sum().item()
    least = 1 / n_model + 1 / n_data
    variance = 1 / information - least if information > 0 else math.inf
    return AcceptanceRatio(log_z, math.sqrt(max(variance, 0.0)), information * least)
