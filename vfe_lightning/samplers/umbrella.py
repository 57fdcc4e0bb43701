r"""The free energy along one coordinate from chains that are held near many values of it.

$$ U_k(x) = U(x) + \tfrac{\kappa}{2} (\xi(x) - \xi_k)^2 $$

Torrie & Valleau, J. Comput. Phys. 23, 187 (1977). All chains of all windows are one batch; the windows are
joined without bins by their self-consistent free energies: Shirts & Chodera, J. Chem. Phys. 129,
124105 (2008).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from vfe_lightning.calculus.gradient import gradient
from vfe_lightning.samplers.hmc import Function, hybrid_monte_carlo


@dataclass(frozen=True)
class Profile:
    """What the windows say of the coordinate in the unbiased Gibbs state.

    Attributes:
        values: of the coordinate, (samples, chains): a column is one chain.
        log_weights: normalised, of the same shape: their exponentials sum up to one.
        windows: which window each chain belongs to, (chains,).
        acceptance: of the trajectories.
        x: the last configurations, (chains, ...).
    """

    values: Tensor
    log_weights: Tensor
    windows: Tensor
    acceptance: float
    x: Tensor


def umbrella_sampling(
    energy: Function,
    energy_gradient: Function,
    coordinate: Function,
    x: Tensor,
    centres: Tensor,
    stiffness: float,
    beta: float,
    warm_up: int,
    trajectories: int,
    *,
    leapfrog_steps: int = 10,
    step_size: float = 0.01,
    generator: torch.Generator | None = None,
) -> Profile:
    """One chain a window and replica: chain c is held at centres[c % windows].

    Args:
        x: where the chains start, (chains, ...).
        centres: xi_k, (windows,).
        stiffness: kappa.
    """
    windows = torch.arange(len(x), device=x.device) % len(centres)
    held = centres[windows]

    def bias(y: Tensor) -> Tensor:
        return 0.5 * beta * stiffness * (coordinate(y) - held).square()

    chains = hybrid_monte_carlo(
        lambda y: beta * energy(y) + bias(y),
        lambda y: beta * energy_gradient(y) + gradient(bias, y),
        x,
        warm_up,
        trajectories,
        leapfrog_steps=leapfrog_steps,
        step_size=step_size,
        measure={"coordinate": coordinate},
        generator=generator,
    )
    values = chains.series["coordinate"]
    return Profile(
        values, joined(values, windows, centres, beta * stiffness), windows, chains.acceptance, chains.x
    )


def joined(values: Tensor, windows: Tensor, centres: Tensor, stiffness: float) -> Tensor:
    """Normalised log weights of all samples in the state without bias, (samples, chains).

    The free energies f_k of the windows are where the convex sum_n ln sum_k N_k exp(f_k - b_k(n)) -
    sum_k N_k f_k is least.
    """
    biases = -0.5 * stiffness * (values.flatten()[:, None] - centres).square()  # (all, windows)
    counts = torch.bincount(windows, minlength=len(centres)).to(values) * len(values)
    shares = counts / counts.sum()

    def objective(f: np.ndarray) -> tuple[float, np.ndarray]:
        logits = biases + (torch.as_tensor(f) + shares.log())
        slope = logits.softmax(dim=1).mean(dim=0) - shares
        value = logits.logsumexp(dim=1).mean() - shares @ torch.as_tensor(f)
        return value.item(), slope.numpy()

    found = minimize(objective, np.zeros(len(centres)), jac=True, method="BFGS", options={"gtol": 1e-7})
    log_mixture = (biases + (torch.as_tensor(found.x) + shares.log())).logsumexp(dim=1)
    return (-log_mixture - (-log_mixture).logsumexp(0)).view_as(values)


def difference(
    profile: Profile,
    first: Callable[[Tensor], Tensor],
    beta: float,
    centres: Tensor,
    stiffness: float,
    groups: int = 8,
) -> tuple[float, float]:
    """F of the side that `first` picks among values of the coordinate less that of the other, with its error.

    The error is that of `groups` disjoint sets of replicas, each joined on its own.
    """

    def of(columns: Tensor) -> Tensor:
        values, windows = profile.values[:, columns], profile.windows[columns]
        log_weights = joined(values, windows, centres, beta * stiffness)
        side = first(values)
        return (log_weights[~side].logsumexp(0) - log_weights[side].logsumexp(0)) / beta

    replicas = torch.arange(len(profile.windows)) // len(centres)
    parts = torch.stack([of((replicas % groups) == g) for g in range(groups)])
    every = of(torch.ones_like(replicas, dtype=torch.bool))
    return every.item(), (parts.std() / groups**0.5).item()


def thinned(profile: Profile, stride: int) -> Profile:
    """Every so many samples of each chain, which are cheaper to join; weights stay normalised."""
    values = profile.values[::stride]
    log_weights = profile.log_weights[::stride]
    return replace(profile, values=values, log_weights=log_weights - log_weights.flatten().logsumexp(0))
