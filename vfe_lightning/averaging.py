"""The mean of the parameters over the end of the training, less noisy than the last ones.

Polyak & Juditsky, SIAM J. Control Optim. 30, 838 (1992); weights that grow with the step as a power,
Shamir & Zhang, ICML (2013), section 4: no step at which the averaging starts has to be known beforehand.
"""

from functools import partial
from typing import Any

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class Averaging(WeightAveraging):
    """Averages parameters over all steps of the training, the k-th with the weight k^(1 / share - 1).

    Some two thirds of the weight are on the last `share` of the steps, and early ones are forgotten. The
    system keeps its own parameters, whatever is evaluated; `mean` has the average. Checkpoints hold the
    average in `state_dict` and the parameters that training goes on from in `current_model_state`.
    """

    def __init__(self, share: float) -> None:
        super().__init__(use_buffers=False, avg_fn=partial(_towards, share))

    def mean(self) -> dict[str, Tensor]:
        """The average by the names of the parameters of the system."""
        assert self._average_model is not None
        return {name: p.detach() for name, p in self._average_model.module.named_parameters()}

    def on_train_end(self, *_: Any) -> None: ...

    def on_validation_epoch_start(self, *_: Any) -> None: ...

    def on_validation_epoch_end(self, *_: Any) -> None: ...


def _towards(share: float, average: Tensor, parameter: Tensor, count: Tensor | int) -> Tensor:
    """The average of count + 1 values, the k-th of which has a weight that grows as k^(1 / share - 1)."""
    return average + (parameter - average) / (1 + share * count)
