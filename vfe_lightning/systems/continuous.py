"""Classical systems in continuous space: a flow p(x) that minimises F by gradients through its samples."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial, singledispatch
from typing import NoReturn

from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning import declarations
from vfe_lightning.errors import NotKnown
from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators.pathwise import by_path
from vfe_lightning.estimators.thermodynamics import heat_capacity, weight_diagnostics
from vfe_lightning.exact.accuracy import checked
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.generative.reparameterized import ReparameterizedModel
from vfe_lightning.hamiltonians.hamiltonian import ContinuousHamiltonian
from vfe_lightning.result import Reference
from vfe_lightning.statistics import Moments

Measured = Mapping[str, Callable[[Tensor], Tensor]]  # x (batch, ...) -> (batch,) or (batch, bins)


def unknown(tolerance: float) -> NoReturn:
    raise NotKnown("no exact free energy of this system is known")


@dataclass(frozen=True)
class Physics:
    """What tells one system from another.

    Attributes:
        size: sites or particles.
        beta: inverse temperature in the internal units of energy.
        units: of the energies.
        per: what energies and entropies are of.
        units_of: of observables that have units: what they are, and per what.
        hamiltonian: the energy.
        model: of p(x).
        observables: numbers of each sample, reported as the flow has them and reweighted.
        profiles: functions of distance of each sample, (batch, bins), in the evaluation only; likewise.
        reference: (tolerance of F) -> exact values of the whole system; raises NotKnown.
        landmarks: computes free energies of approximations.
        contained: those of them that the ansatz contains.
        figures: of the evaluation and its last samples.
        estimator: (n_samples, generator=) -> samples and their estimate; None is `by_path`.
        derived: what follows from the evaluation as a whole.
        advice: what is wrong after an evaluation and what helps, in words; None where nothing is.
    """

    size: int
    beta: float
    units: str
    per: str
    hamiltonian: ContinuousHamiltonian
    model: ReparameterizedModel
    observables: Measured
    figures: Callable[[Mapping[str, Moments], Tensor], dict[str, Figure]]
    profiles: Measured = field(default_factory=dict)
    reference: Callable[[float], Reference] = unknown
    landmarks: Callable[[], dict[str, float]] = dict
    contained: frozenset[str] = frozenset()
    estimator: Callable[..., tuple[Tensor, Estimate]] | None = None
    units_of: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    derived: Callable[[Mapping[str, Moments]], dict[str, Moments]] = lambda evaluation: {}
    advice: Callable[[Mapping[str, Moments]], str | None] = lambda evaluation: None


@singledispatch
def physics_of(declaration: declarations.Continuous) -> Physics:
    """The system that was declared; another one registers what it is."""
    raise TypeError(f"no physics is registered for {type(declaration).__name__}: use @physics_of.register")


class Continuous(VariationalFreeEnergy):
    """One classical system in continuous space at inverse temperature beta."""

    declaration: declarations.Continuous
    energy_unit = 1.0

    def __init__(self, declaration: declarations.Continuous) -> None:
        super().__init__()
        self.declaration = declaration
        self.physics = physics_of(declaration)
        self.size, self.temperature = self.physics.size, 1 / self.physics.beta
        self.units, self.per, self.units_of = self.physics.units, self.physics.per, self.physics.units_of
        self.hamiltonian, self.model = self.physics.hamiltonian, self.physics.model
        self.latest: Tensor | None = None

    def estimate(self, n_samples: int) -> Estimate:
        physics = self.physics
        path_only = isinstance(self.declaration.gradient, declarations.PathOnly)
        estimator = physics.estimator or partial(
            by_path, self.model, self.hamiltonian.energy, beta=physics.beta, path_only=path_only
        )
        x, estimate = estimator(n_samples, generator=self.generator)
        self.latest = x
        observables = {name: f(x) for name, f in physics.observables.items()}
        profiles = {name: partial(f, x) for name, f in physics.profiles.items()}
        return replace(
            estimate,
            observables={
                "heat_capacity": heat_capacity(estimate.energy, physics.beta, physics.size),
                **observables,
            },
            diagnostics=weight_diagnostics(estimate),
            profiles=profiles,
            reweighted={
                **{name: partial(f, x) for name, f in physics.observables.items()},
                **profiles,
            },
        )

    def reference(self, tolerance: float = math.inf) -> Reference:
        return checked(self.physics.reference(tolerance), tolerance)

    def landmarks(self) -> dict[str, float]:
        return self.physics.landmarks()

    def contained(self) -> frozenset[str]:
        return self.physics.contained

    def derived(self) -> dict[str, Moments]:
        return self.physics.derived(self.evaluation)

    def alarms(self) -> dict[str, str]:
        advice = self.physics.advice(self.evaluation) if self.evaluation else None
        return {"lost_mode": advice} if advice else {}

    def figures(self) -> dict[str, Figure]:
        if self.latest is None:
            return {}
        # the trainer has taken the model back to the CPU by now, but not the samples
        return self.physics.figures(self.evaluation, self.latest.to(self.device))
