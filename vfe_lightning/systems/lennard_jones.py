"""Thirteen Lennard-Jones atoms on an equivariant flow that learns from the energy and from chains."""

import math
from collections.abc import Mapping
from functools import partial

from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.analysis import particle_figures as figures
from vfe_lightning.bijectors.bijector import Composed
from vfe_lightning.bijectors.centred_scale import CentredScale
from vfe_lightning.estimators.boltzmann import Training, by_energy_and_data
from vfe_lightning.estimators.trap_correlations import radial_density
from vfe_lightning.generative.reparameterized import NormalizingFlow
from vfe_lightning.hamiltonians.clusters import icosahedron
from vfe_lightning.hamiltonians.trapped_particles import LennardJones, TrappedParticles
from vfe_lightning.mean_field.harmonic import harmonic_log_z, scaled_to_minimum
from vfe_lightning.mean_field.inherent_structures import quenched
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.boltzmann_coverage import Judged, advice_of, coverage_of
from vfe_lightning.systems.boltzmann_generator import samples_of
from vfe_lightning.systems.continuous import Continuous
from vfe_lightning.systems.physics import Physics
from vfe_lightning.systems.trap_flow import particle_flow

ATOMS, DIM, STIFFNESS = 13, 3, 1.0
SECOND = -41.5  # just below the second lowest minimum of the interaction, -41.47198; the lowest is -44.32680
EDGE = 2.5  # a radius beyond which there is next to no density while the cluster holds together


def lennard_jones_cluster(d: declarations.LennardJonesCluster) -> Continuous:
    """Thirteen atoms with their centre of mass in a trap."""
    hamiltonian = TrappedParticles(ATOMS, STIFFNESS, LennardJones())
    cold = scaled_to_minimum(hamiltonian, icosahedron())
    seen, unseen = samples_of(hamiltonian, cold[None], d.beta, d.samples).chunk(2)
    relative = seen - seen.mean(dim=1, keepdim=True)
    width = math.sqrt(relative.square().sum().item() / (len(seen) * (ATOMS - 1) * DIM))
    centred = CentredScale(width, 1 / math.sqrt(d.beta * STIFFNESS))
    bijector = Composed([centred, particle_flow(d.flow, ATOMS, DIM)])
    model = NormalizingFlow(bijector, (ATOMS, DIM))
    training = Training(seen, d.energy_weight, d.data_weight, d.energy_cap)

    judged = Judged(d.beta, hamiltonian, model, steps=d.annealing, data_weight=d.data_weight)

    def derived(evaluation: Mapping[str, Moments]) -> dict[str, Moments]:
        data = unseen.to(evaluation["energy"].mean.device)
        (found,) = judged.ratios(None, data)
        known = {"bennett_overlap": Moments.exactly(found.overlap)}
        if math.isfinite(found.error):
            f = data.new_tensor([-found.log_z, found.error]) / d.beta
            known["bennett_free_energy"] = Moments.with_error(*f).measured_in("epsilon", "cluster")
        return known | coverage_of(judged, data, evaluation)

    def virial(x: Tensor) -> Tensor:
        return d.beta * hamiltonian.virial(x) - ATOMS * DIM

    physics = Physics(
        size=1,
        beta=d.beta,
        units="epsilon",
        per="cluster",
        units_of=dict.fromkeys(("trap", "interaction"), ("epsilon", "cluster")),
        hamiltonian=hamiltonian,
        model=model,
        observables={
            "trap": hamiltonian.trap,
            "interaction": hamiltonian.pair_energy,
            "virial_residual": virial,
        },
        profiles={
            "density": lambda x: radial_density(x, EDGE),
            "icosahedral_fraction": partial(icosahedral, hamiltonian),
        },
        figures=lambda evaluation, shots: figures.trap_figures(evaluation, shots[-1].x, EDGE, None),
        estimator=partial(by_energy_and_data, model, hamiltonian.energy, beta=d.beta, training=training),
        landmarks=lambda: {"harmonic icosahedron": -harmonic_log_z(hamiltonian, cold, 60, d.beta) / d.beta},
        derived=derived,
        advice=partial(advice_of, judged, len(unseen)),
        training=training,
    )
    return Continuous(d, physics)


def icosahedral(hamiltonian: TrappedParticles, x: Tensor) -> Tensor:
    """1 where the interaction alone leads down to the icosahedron, else 0: (batch, 13, 3) -> (batch,)."""
    down = quenched(lambda y: hamiltonian.gradient(y) - STIFFNESS * y, x, 400, 0.02, 0.3)
    return (hamiltonian.pair_energy(down) < SECOND).to(x.dtype)
