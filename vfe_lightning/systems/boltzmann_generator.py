"""Boltzmann generators: flows that learn from energies and from samples, and say what they miss."""

from collections.abc import Mapping
from functools import partial

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis import boltzmann_figures as figures
from vfe_lightning.bijectors.affine import Affine
from vfe_lightning.bijectors.affine_coupling import affine_couplings
from vfe_lightning.bijectors.bijector import Composed
from vfe_lightning.estimators.boltzmann import Training, by_energy_and_data, coverage
from vfe_lightning.generative.mirrored import Mirrored
from vfe_lightning.generative.reparameterized import NormalizingFlow, ReparameterizedModel
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian
from vfe_lightning.samplers.hmc import hybrid_monte_carlo
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.boltzmann_physics import Molecule, molecule_of
from vfe_lightning.systems.continuous import Physics, physics_of

TOO_MANY = 0.01  # of the data that the flow does not cover: a mode is lost


@physics_of.register
def _(d: declarations.BoltzmannGenerator) -> Physics:
    molecule = molecule_of(d)
    data = samples_of(molecule.hamiltonian, molecule.minima, d.beta, d.samples)
    return generator_physics(d, d.beta, molecule, data, flow_of(d.flow, molecule, data))


def generator_physics(
    d: declarations.Learning, beta: float, molecule: Molecule, data: Tensor, model: ReparameterizedModel
) -> Physics:
    """Half of the data (samples, ...), which are in random order, are held back as the judge of the other."""
    seen, unseen = data.chunk(2)
    training = Training(seen, d.energy_weight, d.data_weight, d.energy_cap)
    bins = partial(figures.histogram, window=molecule.window)
    return Physics(
        size=1,
        beta=beta,
        units=molecule.units,
        hamiltonian=molecule.hamiltonian,
        model=model,
        observables={
            "first_state": lambda x: molecule.first(x).to(x.dtype),
        },
        profiles={"coordinate": lambda x: bins(molecule.coordinate(x))},
        reference=lambda: molecule.exact.reference if molecule.exact else None,
        figures=lambda evaluation, x: figures.boltzmann_figures(beta, molecule, evaluation, x, unseen),
        estimator=partial(
            by_energy_and_data, model, molecule.hamiltonian.energy, beta=beta, training=training
        ),
        derived=lambda evaluation: derived(beta, molecule, model, unseen, evaluation),
    )


def samples_of(
    hamiltonian: ContinuousHamiltonian, minima: Tensor, beta: float, d: declarations.Samples
) -> Tensor:
    """One sample of each chain, in random order; the chains seldom leave the state that they start in."""
    generator = torch.Generator().manual_seed(d.seed)
    start = minima[torch.arange(d.chains) % len(minima)]
    chains = hybrid_monte_carlo(
        lambda x: beta * hamiltonian.energy(x),
        lambda x: beta * hamiltonian.gradient(x),
        start,
        warm_up=d.trajectories,
        trajectories=0,
        step_size=0.01,
        generator=generator,
    )
    return chains.x[torch.randperm(d.chains, generator=generator)]


def flow_of(d: declarations.CouplingFlow, molecule: Molecule, data: Tensor) -> ReparameterizedModel:
    """Couplings of all coordinates; the last map starts with the mean and the width of the data."""
    shape = data.shape[1:]
    last = Affine(tuple(shape))
    assert last.shift is not None
    with torch.no_grad():
        last.log_scale.copy_(data.std(dim=0).log())
        last.shift.copy_(data.mean(dim=0))
    flow = NormalizingFlow(Composed([affine_couplings(shape.numel(), d.layers, d.width), last]), tuple(shape))
    return Mirrored(flow, molecule.image) if molecule.image else flow


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
    return known | coverage_of(beta, molecule.hamiltonian, model, data, evaluation)


def coverage_of(
    beta: float,
    hamiltonian: ContinuousHamiltonian,
    model: ReparameterizedModel,
    data: Tensor,
    evaluation: Mapping[str, Moments],
) -> dict[str, Moments]:
    """How the flow stands to data that it was not trained on; a lost mode is told in a warning."""
    log_z = -beta * evaluation["importance_free_energy"].mean.item()
    data = data.to(evaluation["importance_free_energy"].mean.device)
    with torch.no_grad():
        found = coverage(model.log_prob(data), hamiltonian.energy(data), beta, log_z)
    if found.uncovered > TOO_MANY:
        rank_zero_warn(
            f"a mode is lost: {found.uncovered:.0%} of the data lie where the flow has next to no density, "
            "whatever its effective sample size says; train with --data_weight 1"
        )
    return {
        "data_log_prob": exactly(found.log_prob),
        "uncovered_data": exactly(found.uncovered),
        "forward_effective_sample_size": exactly(found.effective_sample_size),
    }


def exactly(value: float) -> Moments:
    """A number without an error."""
    return Moments(1, torch.tensor(value, dtype=torch.float64), torch.tensor(0.0, dtype=torch.float64))


def with_error(mean: Tensor, error: Tensor) -> Moments:
    """A number with its standard error."""
    return Moments(2, mean, 2 * error.square())
