"""The parameters that are evaluated: a mean over the end of the training, less noisy than the last.

Polyak & Juditsky, SIAM J. Control Optim. 30, 838 (1992); weights that grow with the step as a power,
Shamir & Zhang, ICML (2013), section 4: no step at which the averaging starts has to be known beforehand.
"""

from functools import partial

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


def averaging(share: float) -> WeightAveraging:
    """A callback that evaluates parameters averaged over about the last `share` of the training.

    Its checkpoints hold the average in `state_dict` and the parameters that training goes on from in
    `current_model_state`.
    """
    return WeightAveraging(use_buffers=False, avg_fn=partial(_towards, share))


def _towards(share: float, average: Tensor, parameter: Tensor, count: Tensor | int) -> Tensor:
    """The average of count + 1 values, the k-th of which has a weight that grows as k^(1 / share - 1)."""
    return average + (parameter - average) / (1 + share * count)
