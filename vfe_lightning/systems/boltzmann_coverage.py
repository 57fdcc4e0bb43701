"""What a Boltzmann generator says of two states, from its own samples and from data, and what it misses."""

import math
from collections.abc import Callable, Mapping
from functools import partial

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from vfe_lightning.estimators.bennett import acceptance_ratio
from vfe_lightning.estimators.boltzmann import coverage
from vfe_lightning.generative.reparameterized import ReparameterizedModel
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.boltzmann_physics import Molecule

TOO_MANY = 0.01  # of the data that the flow does not cover: a mode is lost
FRESH = 4  # samples of the flow for each one of the data, against which it is held
PASS = 500  # samples in memory at a time

LogWeights = Callable[[Tensor], Tensor]  # ln w of given points: (batch, ...) -> (batch,)


@torch.no_grad()
def log_weights(
    beta: float,
    hamiltonian: ContinuousHamiltonian,
    model: ReparameterizedModel,
    log_images: Callable[[Tensor], Tensor] | None,
    x: Tensor,
) -> Tensor:
    """ln w = -beta U - ln p, and ln of the images that a sample stands for: (samples, ...) -> (samples,)."""
    rows = []
    for part in x.split(PASS):
        row = -beta * hamiltonian.energy(part) - model.log_prob(part)
        rows.append(row if log_images is None else row + log_images(part))
    return torch.cat(rows)


def derived(
    beta: float,
    molecule: Molecule,
    model: ReparameterizedModel,
    data: Tensor,
    evaluation: Mapping[str, Moments],
) -> dict[str, Moments]:
    """The difference of free energies of the two states, and whether all data are covered."""
    share = evaluation["reweighted_first_state"]
    log_odds = share.mean.logit()
    error = share.error / (share.mean * (1 - share.mean))
    known = {"free_energy_difference": with_error(-log_odds / beta, error / beta)}
    if molecule.exact:
        known["exact_free_energy_difference"] = exactly(molecule.exact.difference)
    weights = partial(log_weights, beta, molecule.hamiltonian, model, molecule.log_images)
    data = data.to(share.mean.device)
    known |= from_both_sides(beta, molecule.first, model, weights, data)
    return known | coverage_of(beta, weights, data, evaluation)


def from_both_sides(
    beta: float,
    first: Callable[[Tensor], Tensor],
    model: ReparameterizedModel,
    weights: LogWeights,
    data: Tensor,
) -> dict[str, Moments]:
    """The same difference by Bennett's acceptance ratio in each state; data need to be right within one."""
    x = fresh(model, data)
    of_model, side, of_data, data_side = weights(x), first(x), weights(data), first(data)
    found = [
        acceptance_ratio(of_model.masked_fill(side != state, -torch.inf), of_data[data_side == state])
        for state in (True, False)
    ]
    known = {"bennett_overlap": exactly(min(f.overlap for f in found))}
    # the shares of the model's samples in both states are anticorrelated
    variance = found[0].error ** 2 + found[1].error ** 2 + 2 / len(x)
    if math.isfinite(variance):
        ratio = x.new_tensor(found[1].log_z - found[0].log_z)
        known["bennett_difference"] = with_error(ratio / beta, x.new_tensor(variance**0.5 / beta))
    return known


def free_energy_from_both_sides(
    beta: float, model: ReparameterizedModel, weights: LogWeights, data: Tensor
) -> dict[str, Moments]:
    """F of the whole by Bennett's acceptance ratio, for data that are right as they are."""
    x = fresh(model, data)
    found = acceptance_ratio(weights(x), weights(data))
    known = {"bennett_overlap": exactly(found.overlap)}
    if math.isfinite(found.error):
        f = with_error(x.new_tensor(-found.log_z / beta), x.new_tensor(found.error / beta))
        known["bennett_free_energy"] = f
    return known


@torch.no_grad()
def fresh(model: ReparameterizedModel, data: Tensor) -> Tensor:
    """Samples of the model, always the same ones."""
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(len(data))
    return torch.cat(
        [model.rsample(len(part), generator)[0] for _ in range(FRESH) for part in data.split(PASS)]
    )


def coverage_of(
    beta: float, weights: LogWeights, data: Tensor, evaluation: Mapping[str, Moments]
) -> dict[str, Moments]:
    """How the flow stands to data that it was not trained on; a lost mode is told in a warning."""
    log_z = -beta * evaluation["importance_free_energy"].mean
    found = coverage(weights(data), log_z.item())
    if found.uncovered > TOO_MANY:
        rank_zero_warn(
            f"a mode is lost: {found.uncovered:.0%} of the data lie where the flow has next to no density, "
            "whatever its effective sample size says; train with --data_weight 1"
        )
    return {
        "uncovered_data": exactly(found.uncovered),
        "forward_effective_sample_size": exactly(found.effective_sample_size),
    }


def exactly(value: float) -> Moments:
    """A number without an error."""
    return Moments(1, torch.tensor(value, dtype=torch.float64), torch.tensor(0.0, dtype=torch.float64))


def with_error(mean: Tensor, error: Tensor) -> Moments:
    """A number with its standard error."""
    return Moments(2, mean, 2 * error.square())
