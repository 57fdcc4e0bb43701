"""The classical one-component plasma: layers that carry independent particles, or free fermions, to ions."""

from collections.abc import Mapping
from functools import partial

from torch import Tensor

from vfe_lightning import declarations, reductions
from vfe_lightning.analysis import particle_figures as figures
from vfe_lightning.bijectors.pair_layers import PairLayers
from vfe_lightning.declarations.plasma import FermionStart, IndependentStart
from vfe_lightning.declarations.plasma import PairLayers as Layers
from vfe_lightning.errors import NotFinite, NotInvertible, NotKnown
from vfe_lightning.estimate import Estimate
from vfe_lightning.estimators.correlations import pair_correlation
from vfe_lightning.estimators.generated import by_generation
from vfe_lightning.exact import one_component_plasma as exact
from vfe_lightning.generative.torus_flow import Independent, Start, TorusFlow
from vfe_lightning.hamiltonians.periodic_box import box_length
from vfe_lightning.hamiltonians.plasma import Plasma
from vfe_lightning.result import Reference
from vfe_lightning.statistics import Moments
from vfe_lightning.systems.continuous import Continuous
from vfe_lightning.systems.physics import Physics
from vfe_lightning.wavefunctions.fermion_positions import FermionPositions

BINS = 40  # of g(r)
ERRORS = 5  # of S beyond which it is no chance
FOLDED = (
    "a layer of the flow folds: det <= 0 at a sample, so that p would not be normalised. Return to earlier "
    "parameters, and train with a smaller --optimizer.learning_rate or with more layers"
)


class OneComponentPlasma(Continuous):
    """Ions at one coupling; its p(S) is also that of the protons of dense hydrogen."""

    declaration: declarations.OneComponentPlasma

    def __init__(self, declaration: declarations.OneComponentPlasma) -> None:
        d = declaration
        hamiltonian, model = Plasma(d.n, d.gamma), torus_flow(d.flow, d.n)
        alone = hamiltonian.strength * d.n * hamiltonian.ewald.madelung / 2
        path_only = isinstance(d.gradient, declarations.PathOnly)

        def reference(tolerance: float) -> Reference:
            if d.n != 2:
                raise NotKnown(f"n = {d.n}: two ions are known exactly")
            return exact.two_ions(d.gamma)

        super().__init__(
            d,
            Physics(
                size=d.n,
                beta=1.0,
                units="kT",
                per="ion",
                hamiltonian=hamiltonian,
                model=model,
                observables={},
                profiles={"pair_correlation": lambda x: pair_correlation(x, 1.0, BINS)},
                reference=reference,
                landmarks=lambda: {
                    "independent ions": alone,
                    "infinite plasma": d.n * exact.potekhin_chabrier(d.gamma),
                },
                contained=frozenset(
                    {"independent ions"} if isinstance(d.flow.start, IndependentStart) else ()
                ),
                figures=lambda evaluation, shots: figures.pair_figures(
                    evaluation, box_length(d.n, 3), "$r / a$"
                ),
                estimator=partial(by_generation, model, hamiltonian.energy, beta=1.0, path_only=path_only),
            ),
        )
        self._folds: Tensor | None = None  # samples at which det <= 0, of the passes of a step

    def estimate(self, n_samples: int) -> Estimate:
        """Raises NotInvertible, in an evaluation, where a layer folds at a sample."""
        if not self.training:
            self._folds = None
        estimate = super().estimate(n_samples)
        folds = estimate.entropy.isnan().sum()
        self._folds = folds if self._folds is None else self._folds + folds
        if not self.training:
            require_no_fold(self._folds)
        return estimate

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """A step asks the device for nothing more: a fold makes F NaN, and only then is it looked for."""
        self._folds = None
        try:
            return super().training_step(batch, batch_idx)
        except NotFinite:
            if self._folds is not None:
                require_no_fold(self._folds)
            raise

    def alarms(self) -> dict[str, str]:
        return super().alarms() | above_uniform(self.evaluation, "ions")


def require_no_fold(folds: Tensor) -> None:
    """Raises NotInvertible where a layer folds at some samples, as many as that on this rank."""
    if reductions.total(folds):
        raise NotInvertible(FOLDED)


def above_uniform(evaluation: Mapping[str, Moments], particles: str, name: str = "entropy") -> dict[str, str]:
    """The alarm that no density can raise: S relative to independent particles, of this name, is positive."""
    entropy = evaluation.get(name)
    if entropy is None or entropy.mean <= ERRORS * entropy.error:
        return {}
    text = f"S is above that of independent {particles}, which no density can have: ln p is wrong; report it"
    return {"entropy_above_uniform": text}


def torus_flow(d: Layers, n: int) -> TorusFlow:
    """p of n positions."""
    return TorusFlow(start_of(d, n), PairLayers(n, d.layers, d.width, d.messages))


def start_of(d: Layers, n: int) -> Start:
    match d.start:
        case IndependentStart():
            return Independent(n)
        case FermionStart(theta=theta):
            return FermionPositions(n, theta)
