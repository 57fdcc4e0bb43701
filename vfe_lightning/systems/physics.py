"""What tells one classical system from another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from matplotlib.figure import Figure
from torch import Tensor

from vfe_lightning.errors import NotKnown
from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators.boltzmann import Training
from vfe_lightning.estimators.snapshot import Snapshot
from vfe_lightning.hamiltonians.relabelling import Relabelling
from vfe_lightning.result import Reference
from vfe_lightning.samplers.bridge import Bridge
from vfe_lightning.samplers.bridge_moves import Kernel
from vfe_lightning.samplers.elsewhere import Elsewhere
from vfe_lightning.samplers.stretched_trajectories import Trajectories
from vfe_lightning.statistics import Moments

Measured = Mapping[str, Callable[[Tensor], Tensor]]  # x (batch, ...) -> (batch,) or (batch, bins)
Figures = Callable[[Mapping[str, Moments], Sequence[Snapshot]], dict[str, Figure]]


def unknown(tolerance: float) -> NoReturn:
    raise NotKnown("no exact free energy of this system is known")


@dataclass(frozen=True, kw_only=True)
class Physics:
    """One classical system and the model of its p(x).

    Attributes:
        size: sites or particles.
        beta: inverse temperature in the internal units of energy.
        units: of the energies.
        per: what energies and entropies are of.
        hamiltonian: the energy: `energy(x)` (batch, ...) -> (batch,), of spins or of a continuous space.
        model: of p(x).
        observables: numbers of each sample, reported as the model has them and reweighted.
        units_of: of observables that have units: what they are, and per what.
        profiles: functions of distance of each sample, (batch, bins), in the evaluation only; likewise.
        reference: (tolerance of F) -> exact values of the whole system; raises NotKnown.
        landmarks: computes free energies of approximations.
        contained: those of them that the ansatz contains.
        figures: of the evaluation and its last samples; before those, warmer ones of an annealing.
        estimator: (n_samples, generator=) -> samples and their estimate, where it is one of its own.
        derived: what follows from the evaluation as a whole.
        advice: what is wrong after an evaluation and what helps, in words; None where nothing is.
        kernels: of the moves towards the Gibbs state.
        elsewhere: a density that no mode is nearer to than another; None where there is none.
        minima: known ones, (minima, ...).
        relabelling: how the model names equal particles; None where it does not.
        training: what is learned from, where that is not the energy alone.
    """

    size: int
    beta: float
    units: str
    per: str
    hamiltonian: Any
    model: Any
    observables: Measured
    units_of: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    profiles: Measured = field(default_factory=dict)
    reference: Callable[[float], Reference] = unknown
    landmarks: Callable[[], dict[str, float]] = dict
    contained: frozenset[str] = frozenset()
    figures: Figures = lambda evaluation, shots: {}
    estimator: Callable[..., tuple[Tensor, Estimate]] | None = None
    derived: Callable[[Mapping[str, Moments]], dict[str, Moments]] = lambda evaluation: {}
    advice: Callable[[Mapping[str, Moments]], str | None] = lambda evaluation: None
    kernels: Callable[[Bridge], Sequence[Kernel]] = lambda bridge: [Trajectories(bridge)]
    elsewhere: Elsewhere | None = None
    minima: Tensor | None = None
    relabelling: Relabelling | None = None
    training: Training | None = None
