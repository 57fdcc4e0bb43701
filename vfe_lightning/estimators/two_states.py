"""Free energies of two states that are all there is: from their shares, or from the ratio of each of them."""

import math

import numpy as np

from vfe_lightning.estimators.bennett import AcceptanceRatio
from vfe_lightning.statistics import Moments


def apart(share: Moments, beta: float) -> Moments:
    """F of a state less that of all others, from its share of the Gibbs state."""
    error = share.error / (share.mean * (1 - share.mean))
    return Moments.with_error(-share.mean.logit() / beta, error / beta)


def difference(first: AcceptanceRatio, other: AcceptanceRatio, samples: int) -> tuple[float, float]:
    """beta (F_1 - F_2) of two states of a molecule, and its error.

    A sample of the flow is in one state at most: the covariance of the two ln Z is -1 / `samples`.
    """
    return other.log_z - first.log_z, math.sqrt(first.error**2 + other.error**2 + 2 / samples)


def whole(first: AcceptanceRatio, other: AcceptanceRatio, samples: int) -> tuple[float, float]:
    """beta F of both states together, and its error; data need to be right within each state only."""
    log_z = float(np.logaddexp(first.log_z, other.log_z))
    p, q = math.exp(first.log_z - log_z), math.exp(other.log_z - log_z)
    variance = (p * first.error) ** 2 + (q * other.error) ** 2 - 2 * p * q / samples
    return -log_z, math.sqrt(max(variance, 0.0))
