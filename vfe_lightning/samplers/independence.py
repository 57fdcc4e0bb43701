"""A Metropolis chain whose proposals are independent samples of a model that knows its density.

Albergo, Kanwar & Shanahan, Phys. Rev. D 100, 034515 (2019).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from vfe_lightning.statistics import Moments, autocorrelation_time


@dataclass(frozen=True)
class Chain:
    """One pass over all proposals.

    Attributes:
        index: which proposal each link of the chain holds, (proposals,).
        acceptance: share of the proposals that are taken.
        autocorrelation_time: of ln w along the chain, in links; 1/2 where they are independent.
    """

    index: Tensor
    acceptance: Moments
    autocorrelation_time: Moments


def independence_metropolis(log_weights: Tensor, seed: int = 20190220) -> Chain:
    """The chain over proposals with ln w = -beta E - ln p in their order; the first is where it starts.

    min(1, w' / w) is the probability of a step: it leaves the Gibbs state as it is.

    Args:
        log_weights: (proposals,).
        seed: of the coins; not that of a generator that made the proposals.
    """
    w = log_weights.detach().double().cpu()
    coins = torch.rand(len(w), generator=torch.Generator().manual_seed(seed), dtype=w.dtype).log()
    values, held, links, taken = w.tolist(), 0, [0], []
    for step, coin in enumerate(coins.tolist()[1:], start=1):
        accept = coin < values[step] - values[held]
        held = step if accept else held
        links.append(held)
        taken.append(float(accept))
    index = torch.tensor(links)
    time = autocorrelation_time(w[index][:, None]) if len(links) > 2 else w.new_tensor(torch.inf)
    return Chain(index, Moments.of(w.new_tensor(taken)), Moments.exactly(time))
