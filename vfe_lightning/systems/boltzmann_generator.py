"""Boltzmann generators: flows that learn from energies and from samples, and say what they miss."""

from functools import partial

import torch
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis import boltzmann_figures as figures
from vfe_lightning.bijectors.affine import Affine
from vfe_lightning.bijectors.affine_coupling import affine_couplings
from vfe_lightning.bijectors.bijector import Composed
from vfe_lightning.bijectors.whitened import Whitened
from vfe_lightning.errors import NotKnown
from vfe_lightning.estimators.boltzmann import Training, by_energy_and_data
from vfe_lightning.estimators.molecule import Molecule, histogram, torsion_histogram
from vfe_lightning.generative.mirrored import Mirrored
from vfe_lightning.generative.reparameterized import NormalizingFlow, ReparameterizedModel
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian
from vfe_lightning.result import Reference
from vfe_lightning.samplers.hmc import hybrid_monte_carlo
from vfe_lightning.systems import molecules
from vfe_lightning.systems.boltzmann_coverage import Judged, advice_of, derived
from vfe_lightning.systems.continuous import Continuous
from vfe_lightning.systems.physics import Physics


def double_well(d: declarations.DoubleWell) -> Continuous:
    return generator(d, molecules.double_well(d))


def mueller_brown(d: declarations.MuellerBrown) -> Continuous:
    return generator(d, molecules.mueller_brown(d))


def gas_or_fluid_dimer(d: declarations.Dimer) -> Continuous:
    return generator(d, molecules.dimer_in_fluid(d))


def generator(d: declarations.BoltzmannGenerator, molecule: Molecule) -> Continuous:
    """A flow of all coordinates of a molecule, which learns from its energies and from its chains."""
    data = molecule.named(samples_of(molecule.hamiltonian, molecule.minima, d.beta, d.samples))
    return Continuous(d, generator_physics(d, d.beta, molecule, data, flow_of(d.flow, molecule, data)))


def generator_physics(
    d: declarations.Learning, beta: float, molecule: Molecule, data: Tensor, model: ReparameterizedModel
) -> Physics:
    """The second half of the data (samples, ...) is held back as the judge of the first."""
    seen, unseen = data.chunk(2)
    training = Training(seen, d.energy_weight, d.data_weight, d.energy_cap)
    judged = Judged(beta, molecule.hamiltonian, model, molecule.relabelling, d.annealing, d.data_weight)
    bins = partial(histogram, window=molecule.window)
    profiles = {"coordinate": lambda x: bins(molecule.coordinate(x))}
    if plane := molecule.plane:
        profiles["ramachandran"] = lambda x: torsion_histogram(plane(x))
    return Physics(
        size=1,
        beta=beta,
        units=molecule.units,
        per="system",
        hamiltonian=molecule.hamiltonian,
        model=model,
        observables={
            "first_state": lambda x: molecule.first(x).to(x.dtype),
        },
        profiles=profiles,
        reference=partial(reference_of, molecule),
        figures=lambda evaluation, shots: figures.boltzmann_figures(
            beta, molecule, evaluation, shots[-1].x, unseen
        ),
        estimator=partial(
            by_energy_and_data,
            model,
            molecule.hamiltonian.energy,
            beta=beta,
            training=training,
            log_images=judged.log_images if molecule.relabelling else None,
        ),
        derived=partial(derived, judged, molecule, unseen),
        minima=None if molecule.relabelling else molecule.minima,
        relabelling=molecule.relabelling,
        training=training,
        advice=partial(advice_of, judged, len(unseen)),
    )


def reference_of(molecule: Molecule, tolerance: float) -> Reference:
    if molecule.exact is None:
        raise NotKnown("no exact free energy of this system is known")
    return molecule.exact.reference


def samples_of(
    hamiltonian: ContinuousHamiltonian, minima: Tensor, beta: float, d: declarations.Samples
) -> Tensor:
    """Samples in the order of the chains, which are in random order and seldom leave where they start."""
    generator = torch.Generator().manual_seed(d.seed)
    order = torch.randperm(d.chains, generator=generator)
    x, size, kept = minima[order % len(minima)], 0.01, []
    for sample in range(d.kept):
        chains = hybrid_monte_carlo(
            lambda x: beta * hamiltonian.energy(x),
            lambda x: beta * hamiltonian.gradient(x),
            x,
            warm_up=0 if sample else d.trajectories,
            trajectories=d.stride if sample else 0,
            step_size=size,
            generator=generator,
        )
        x, size = chains.x, chains.step_size
        kept.append(x)
    return torch.stack(kept, dim=1).flatten(0, 1)


def flow_of(d: declarations.CouplingFlow, molecule: Molecule, data: Tensor) -> ReparameterizedModel:
    """Couplings of all coordinates; the last map has the mean and the width of the data.

    Of equal particles that are told apart by their sites it has the covariance, too.
    """
    shape = tuple(data.shape[1:])
    couplings = affine_couplings(data[0].numel(), d.layers, d.width)
    if molecule.relabelling:
        return NormalizingFlow(Composed([couplings, Whitened(data)]), shape)
    last = Affine(shape)
    assert last.shift is not None
    with torch.no_grad():
        last.log_scale.copy_(data.std(dim=0).log())
        last.shift.copy_(data.mean(dim=0))
    flow = NormalizingFlow(Composed([couplings, last]), shape)
    return Mirrored(flow, molecule.image) if molecule.image else flow
