r"""The free energy along one coordinate from chains that are held near many values of it.

$$ U_k(x) = U(x) - u(\xi(x)) + \tfrac{\kappa}{2} (\xi(x) - \xi_k)^2 $$

with a part u of the energy that may be left out, such as a barrier: the windows can then be few and wide.

Torrie & Valleau, J. Comput. Phys. 23, 187 (1977). All chains of all windows are one batch; after
each trajectory neighbouring windows may exchange what they hold, so that what is slow relaxes on a walk over
all windows: Sugita, Kitao & Okamoto, J. Chem. Phys. 113, 6042 (2000). The windows are joined without bins by
their self-consistent free energies: Shirts & Chodera, J. Chem. Phys. 129, 124105 (2008).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from vfe_lightning.calculus.gradient import gradient
from vfe_lightning.samplers.hmc import Chains, Function, hybrid_monte_carlo


@dataclass(frozen=True)
class Umbrella:
    """Samples of the coordinate in all windows.

    Attributes:
        values: (samples, replicas, windows).
        centres: of the windows, (windows,).
        stiffness: beta kappa.
        left_out: beta u.
        acceptance: of the trajectories.
        exchanged: share of the attempted exchanges that are made.
    """

    values: Tensor
    centres: Tensor
    stiffness: float
    left_out: Function
    acceptance: float
    exchanged: float

    def log_weights(self, replicas: slice = slice(None)) -> Tensor:
        """Normalised log weights of the samples in the state without bias, like the values.

        The free energies f_k of the windows are where the convex mean_n ln sum_k exp(f_k - b_k(n)) -
        mean_k f_k is least.
        """
        values = self.values[:, replicas]
        biases = -0.5 * self.stiffness * (values.reshape(-1, 1) - self.centres).square()  # (all, windows)
        share = 1 / len(self.centres)

        def probabilities(f: np.ndarray) -> Tensor:
            return (biases + torch.as_tensor(f)).softmax(dim=1)

        def objective(f: np.ndarray) -> tuple[float, np.ndarray]:
            value = (biases + torch.as_tensor(f)).logsumexp(dim=1).mean().item() - share * f.sum()
            return value, probabilities(f).mean(dim=0).numpy() - share

        def hessian(f: np.ndarray) -> np.ndarray:
            p = probabilities(f)
            return (torch.diag(p.mean(dim=0)) - p.mT @ p / len(p)).numpy()

        start = np.zeros(len(self.centres))
        found = minimize(
            objective, start, jac=True, hess=hessian, method="trust-exact", options={"gtol": 1e-9}
        )
        log_mixture = (biases + torch.as_tensor(found.x)).logsumexp(dim=1)
        log_weights = -log_mixture - self.left_out(values.reshape(-1))
        return (log_weights - log_weights.logsumexp(0)).view_as(values)

    def difference(self, first: Callable[[Tensor], Tensor], beta: float) -> tuple[float, float]:
        """F of the side that `first` picks among values of the coordinate less that of the other.

        Its error is that of the replicas, which are independent, each joined on its own.
        """

        def of(replicas: slice) -> Tensor:
            log_weights, side = self.log_weights(replicas), first(self.values[:, replicas])
            return (log_weights[~side].logsumexp(0) - log_weights[side].logsumexp(0)) / beta

        count = self.values.shape[1]
        each = torch.stack([of(slice(k, k + 1)) for k in range(count)])
        return of(slice(None)).item(), (each.std() / count**0.5).item()


def umbrella_sampling(
    energy: Function,
    energy_gradient: Function,
    coordinate: Function,
    x: Tensor,
    centres: Tensor,
    stiffness: float,
    beta: float,
    warm_up: int,
    samples: int,
    *,
    left_out: Function = torch.zeros_like,
    stride: int = 1,
    leapfrog_steps: int = 10,
    step_size: float = 0.01,
    generator: torch.Generator | None = None,
) -> Umbrella:
    """One chain a window and replica: chain c is held at centres[c % windows].

    Args:
        x: where the chains start, (replicas * windows, ...).
        centres: xi_k, (windows,), in order.
        stiffness: kappa.
        warm_up: trajectories without exchange.
        samples: that are kept of each chain.
        left_out: u, elementwise in the coordinate.
        stride: trajectories, and exchanges, from one sample to the next.
    """
    windows = len(centres)
    held = centres.repeat(len(x) // windows)

    def bias(y: Tensor) -> Tensor:
        xi = coordinate(y)
        return beta * (0.5 * stiffness * (xi - held).square() - left_out(xi))

    def moved(y: Tensor, warm_up: int, trajectories: int, size: float) -> Chains:
        return hybrid_monte_carlo(
            lambda y: beta * energy(y) + bias(y),
            lambda y: beta * energy_gradient(y) + gradient(bias, y),
            y,
            warm_up,
            trajectories,
            leapfrog_steps=leapfrog_steps,
            step_size=size,
            generator=generator,
        )

    chains = moved(x, warm_up, 0, step_size)
    values, accepted, exchanged = [], [], []
    for step in range(samples * stride):
        chains = moved(chains.x, 0, 1, chains.step_size)
        xi = coordinate(chains.x).view(-1, windows)
        order, share = exchanges(xi, centres, beta * stiffness, step % 2, generator)
        chains = replace(chains, x=chains.x[order.flatten()])
        accepted.append(chains.acceptance)
        exchanged.append(share)
        if step % stride == stride - 1:
            values.append(xi.flatten()[order])
    means = [sum(shares) / len(shares) for shares in (accepted, exchanged)]
    return Umbrella(torch.stack(values), centres, beta * stiffness, lambda xi: beta * left_out(xi), *means)


def exchanges(
    xi: Tensor, centres: Tensor, stiffness: float, first: int, generator: torch.Generator | None
) -> tuple[Tensor, float]:
    """Which chain each window goes on with, (replicas, windows), and the share of pairs that exchange.

    Windows first and first + 1, first + 2 and first + 3, and so on, by Metropolis' rule.
    """
    order = torch.arange(xi.numel(), device=xi.device).view_as(xi).clone()
    low = torch.arange(first, xi.shape[1] - 1, 2, device=xi.device)
    cost = stiffness * (xi[:, low + 1] - xi[:, low]) * (centres[low + 1] - centres[low])
    coins = torch.rand(cost.shape, generator=generator, dtype=xi.dtype, device=xi.device)
    swap = coins.log() < -cost
    lower, upper = order[:, low], order[:, low + 1]
    order[:, low], order[:, low + 1] = torch.where(swap, upper, lower), torch.where(swap, lower, upper)
    return order, swap.to(xi.dtype).mean().item()
