"""What a Boltzmann generator says of two states, from its own samples and from data, and what it misses."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vfe_lightning.calculus.gradient import gradient
from vfe_lightning.estimators.bennett import AcceptanceRatio, acceptance_ratio
from vfe_lightning.estimators.boltzmann import coverage
from vfe_lightning.estimators.molecule import Molecule
from vfe_lightning.estimators.two_states import apart, difference, whole
from vfe_lightning.generative.reparameterized import ReparameterizedModel
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian
from vfe_lightning.hamiltonians.relabelling import Relabelling
from vfe_lightning.samplers.annealing import annealed
from vfe_lightning.samplers.hmc import hybrid_monte_carlo
from vfe_lightning.statistics import Moments

TOO_MANY = 0.02  # of the data that the flow does not cover, by more than chance: a mode is lost
CHANCE = 2.0  # standard errors
FRESH = 4  # samples of the flow for each one of the data, against which it is held
PASS = 500  # samples in memory at a time
PATHS = 500  # that are annealed from either side, at most
TUNING = 40  # trajectories to find a step size in


@dataclass(frozen=True)
class Judged:
    """A flow beside the Gibbs state that it is to be.

    Attributes:
        relabelling: how the flow names equal particles; None where it does not.
        steps: of annealed importance sampling between the two; 1 is plain importance sampling.
        data_weight: of the data in the loss that the flow is trained with.
    """

    beta: float
    hamiltonian: ContinuousHamiltonian
    model: ReparameterizedModel
    relabelling: Relabelling | None = None
    steps: int = 1
    data_weight: float = 1.0

    def log_images(self, x: Tensor) -> Tensor:
        """ln of how many configurations a sample of the flow stands for: (batch, ...) -> (batch,)."""
        return self.relabelling.log_images_of(x) if self.relabelling else x.new_zeros(len(x))

    def minus_log_prob(self, x: Tensor) -> Tensor:
        """-ln p of configurations by any names: (batch, ...) -> (batch,)."""
        return -self.model.log_prob(self.relabelling.representative(x) if self.relabelling else x)

    def action(self, x: Tensor) -> Tensor:
        """beta U: (batch, ...) -> (batch,)."""
        return self.beta * self.hamiltonian.energy(x)

    @torch.no_grad()
    def log_weights(self, x: Tensor) -> Tensor:
        """ln w of samples, NaN where ln p is not known: (samples, ...) -> (samples,)."""
        rows = [self.log_images(part) - self.action(part) - self.model.known(part) for part in x.split(PASS)]
        return torch.cat(rows)

    def paths(self, x: Tensor, step_size: float, backwards: bool) -> tuple[Tensor, Tensor]:
        """Where paths from x end, of `steps`, and their ln w: (samples, ...), (samples,)."""
        if self.steps == 1:
            return x, self.log_weights(x)
        found = annealed(
            self.minus_log_prob,
            lambda y: gradient(self.minus_log_prob, y),
            self.action,
            lambda y: self.beta * self.hamiltonian.gradient(y),
            x,
            self.steps,
            backwards=backwards,
            step_size=step_size,
            generator=torch.Generator(x.device).manual_seed(len(x)),
        )
        return found.x, found.log_weights + self.log_images(x)

    @torch.no_grad()
    def ratios(self, first: Callable[[Tensor], Tensor] | None, data: Tensor) -> list[AcceptanceRatio]:
        """ln Z of the first state and of the other, or with None of all, from both sides.

        Data need to be right within each state only, from which paths do not go.
        """
        generator = torch.Generator(data.device).manual_seed(len(data))
        if self.steps > 1:
            data = data[torch.randperm(len(data), generator=generator, device=data.device)[:PATHS]]
        sizes = [PASS] * (self.count(data) // PASS) + [self.count(data) % PASS]
        x = torch.cat([self.model.rsample(size, generator)[0] for size in sizes if size])
        step_size = self.tuned(data) if self.steps > 1 else 0.0
        (ends, of_model), (_, of_data) = self.paths(x, step_size, False), self.paths(data, step_size, True)
        # where p is not known it is nothing
        of_model = of_model.masked_fill(of_model.isnan(), -math.inf)
        of_data = of_data.masked_fill(of_data.isnan(), math.inf)
        if first is None:
            return [acceptance_ratio(of_model, of_data)]
        side, data_side = first(ends), first(data)
        return [
            acceptance_ratio(of_model.masked_fill(side != state, -torch.inf), of_data[data_side == state])
            for state in (True, False)
        ]

    def count(self, data: Tensor) -> int:
        """Samples of the flow that are held against data."""
        return FRESH * len(data) if self.steps == 1 else min(PATHS, len(data))

    def tuned(self, data: Tensor) -> float:
        """A step size for moves in the Gibbs state."""
        generator = torch.Generator(data.device).manual_seed(1)
        return hybrid_monte_carlo(
            self.action,
            lambda y: self.beta * self.hamiltonian.gradient(y),
            data[:PATHS],
            TUNING,
            0,
            leapfrog_steps=5,
            step_size=0.01,
            generator=generator,
        ).step_size


def derived(
    judged: Judged, molecule: Molecule, data: Tensor, evaluation: Mapping[str, Moments]
) -> dict[str, Moments]:
    """The difference of free energies of the two states, and whether all data are covered."""
    beta, mean = judged.beta, evaluation["energy"].mean
    shares = {
        "free_energy_difference": evaluation.get("reweighted_first_state"),
        "smc_free_energy_difference": evaluation.get("smc_first_state"),
    }
    # who has seen one state only knows of no difference
    known = {name: apart(s, beta) for name, s in shares.items() if s is not None and 0 < s.mean.item() < 1}
    if molecule.exact:
        known["exact_free_energy_difference"] = Moments.exactly(molecule.exact.difference)
    found = first, other = judged.ratios(molecule.first, data.to(mean.device))
    known["bennett_overlap"] = Moments.exactly(min(f.overlap for f in found))
    n = judged.count(data)
    if all(math.isfinite(f.error) for f in found):
        ratio, total = difference(first, other, n), whole(first, other, n)
        known["bennett_difference"] = Moments.with_error(*(mean.new_tensor(ratio) / beta))
        known["bennett_free_energy"] = Moments.with_error(*(mean.new_tensor(total) / beta))
    energies = ("difference", "free_energy")
    known = {
        name: m.measured_in(molecule.units, "system") if name.endswith(energies) else m
        for name, m in known.items()
    }
    return known | coverage_of(judged, data, evaluation)


def coverage_of(judged: Judged, data: Tensor, evaluation: Mapping[str, Moments]) -> dict[str, Moments]:
    """How the flow stands to data that it was not trained on."""
    log_z = -judged.beta * evaluation["importance_free_energy"].mean
    log_weights = judged.log_weights(data.to(log_z.device))
    found = coverage(log_weights.masked_fill(log_weights.isnan(), math.inf), log_z.item())
    return {
        "uncovered_data": Moments.exactly(found.uncovered),
        "forward_effective_sample_size": Moments.exactly(found.effective_sample_size),
    }


def advice_on(uncovered: float, samples: int, data_weight: float) -> str | None:
    """What is wrong with a flow that leaves a share of so many samples uncovered, and what helps.

    A per cent of the data in the tails is no lost mode: reweighting has them in its error.
    """
    error = math.sqrt(uncovered * (1 - uncovered) / samples)
    if not uncovered - CHANCE * error > TOO_MANY:
        return None
    remedy = (
        "it learns from data already: give it more --trainer.max_steps, a wider flow, or more samples"
        if data_weight
        else "train with --data_weight 1"
    )
    return (
        f"a mode is lost: {uncovered:.0%} of the data lie where the flow has next to no density, "
        f"whatever its effective sample size says; {remedy}"
    )


def advice_of(judged: Judged, samples: int, evaluation: Mapping[str, Moments]) -> str | None:
    """The advice after an evaluation, for its results."""
    uncovered = evaluation.get("uncovered_data")
    return uncovered and advice_on(uncovered.mean.item(), samples, judged.data_weight)
