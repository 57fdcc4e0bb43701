"""Samples at one temperature, as figures show them."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Snapshot:
    """Configurations at one inverse temperature.

    Attributes:
        beta: inverse temperature.
        x: (batch, ...).
        log_prob: ln p of each: (batch,).
    """

    beta: float
    x: Tensor
    log_prob: Tensor

    def to(self, device) -> "Snapshot":
        return Snapshot(self.beta, self.x.to(device), self.log_prob.to(device))
