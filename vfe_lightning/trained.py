"""A trained run as an object: samples, densities, wavefunctions, and any expectation value with its error."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mlflow.entities import Run
from torch import Tensor

from vfe_lightning.declarations.evaluation import SequentialMonteCarlo
from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.declarations.system import Observable
from vfe_lightning.errors import Refused
from vfe_lightning.finishing import finish
from vfe_lightning.free_energy import VariationalFreeEnergy
from vfe_lightning.gibbs_state import GibbsState
from vfe_lightning.known import Known
from vfe_lightning.preparation import checked, finished_by
from vfe_lightning.result import Result
from vfe_lightning.statistics import Moments
from vfe_lightning.tracking.conclusion import landmarks_of, result_of, watched
from vfe_lightning.tracking.origin import declared_in
from vfe_lightning.tracking.stored import Stored, stored

EVALUATION = 50  # batches, where nothing else is asked for


class Expectation(NamedTuple):
    """A mean over rho and its standard error, of the shape of one value of the function."""

    value: Tensor
    error: Tensor


class Trained:
    """What a run has trained, with parameters that no longer change.

    Attributes:
        system: the LightningModule, in eval mode, with random numbers of its own.
        experiment: what was declared.
        result: the quoted numbers; None where the run has none, or a checkpoint lies alone.
        run_id: of the run in MLflow; None where a checkpoint lies alone.
        step: of the training that the parameters are of.
    """

    def __init__(self, held: Stored, device: str | torch.device = "cpu", seed: int | None = None) -> None:
        """See `load`."""
        self.experiment: DeclaredExperiment = declared_in(held.origin)
        self.result, self.run_id, self.step = held.result, held.run_id, held.step
        self.system = built(self.experiment)
        try:
            self.system.load_state_dict(held.parameters)
        except RuntimeError as error:
            raise Refused(f"the parameters are of another {held.origin['system']}: {error}") from error
        self.system.to(device).eval()
        seed = self.experiment.seed if seed is None else seed
        self._seeds = torch.Generator().manual_seed(seed)
        self._renew()

    def sample(self, n: int, wrap: bool = False) -> Any:
        """n independent samples of rho, on the device of the system: see `system.sample`.

        Args:
            wrap: positions of a periodic system in [0, L), L = `system.period`; lengths are in units of
                `system.unit_of_length`.

        Raises:
            Refused: nothing is periodic here.
            NotKnown: there is no density that is drawn from.
        """
        drawn = self.system.sample(n)
        if not wrap:
            return drawn
        if (period := self.system.period) is None:
            raise Refused(f"the samples of {type(self.experiment.system).__name__} are not periodic")
        return drawn % period if isinstance(drawn, Tensor) else (drawn[0], drawn[1] % period)

    def log_prob(self, x: Tensor) -> Tensor:
        """ln p of configurations, or of the states of a quantum system: (batch,).

        Raises:
            Refused: for states and positions together, as `sample` gives them.
        """
        if isinstance(x, tuple):
            raise Refused(
                "log_prob is of states alone: states, x = trained.sample(n); trained.log_prob(states)"
            )
        with torch.no_grad():
            return self.system.log_prob(x)

    def log_psi(self, state: Tensor, x: Tensor) -> Tensor:
        """ln Psi_state(x), complex: (batch,).

        Raises:
            NotKnown: a classical system.
        """
        with torch.no_grad():
            return self.system.log_psi(state, x)

    def expect(self, function: Callable[[Tensor], Tensor], n: int) -> Expectation:
        """The mean over rho of a function of samples, real and of any shape: x (batch, ...) -> (batch, ...).

        Of a quantum system it is a function of positions, or of spins along z.
        """
        size, values = self.experiment.batch_size, []
        for start in range(0, n, size):
            drawn = self.sample(min(size, n - start))
            x = drawn if isinstance(drawn, Tensor) else drawn[1]
            values.append(function(x).double())
        found = Moments.of(torch.cat(values))
        return Expectation(found.mean, found.error)

    def evaluate(
        self, batches: int | None = None, observables: Mapping[str, Observable] | None = None
    ) -> Result:
        """F and everything else that the run has measured, from fresh samples, with errors and references.

        Args:
            batches: as many as the run had where nothing is said.
            observables: functions of samples to measure besides, see `Experiment.measuring`.
        """
        self.system.asked = checked(self.system, {**self.experiment.asked(), **(observables or {})})
        batches = batches or self.experiment.trainer.evaluation_batches or EVALUATION
        self._renew()
        system = self.system
        with torch.no_grad():
            system.on_validation_epoch_start()
            for batch in range(batches * system.accumulate):
                system.validation_step(batch, batch)
            system.on_validation_epoch_end()
        known = Known.of(system).beside(system, system.evaluation["free_energy"].error.item())
        found = result_of(
            system,
            known,
            status="FINISHED",
            run_id=self.run_id,
            name=self.experiment.name,
            declaration=self.experiment.declared(),
            seconds=0.0,
            steps=self.step,
            landmarks=system.failures.attempt("landmarks", lambda: landmarks_of(system)),
        )
        return watched(found, system, self.experiment.batch_size * batches)

    def gibbs_state(self, **options: Any) -> GibbsState:
        """Beyond the bound, by sequential Monte Carlo: its verdict, numbers, and walkers x.

        Args:
            options: of `declarations.SequentialMonteCarlo`, such as `populations` or `walkers`.

        Raises:
            NotKnown: there is no density of configurations.
        """
        self._renew()
        wanted = SequentialMonteCarlo(**options)
        with torch.no_grad():
            return finish(self.system.crossing(), wanted, self.system.seed, self.system.device)

    def _renew(self) -> None:
        """Random numbers that no earlier evaluation has seen."""
        self.system.seed = int(torch.randint(2**62, (), generator=self._seeds))
        self.system.generator = torch.Generator(self.system.device).manual_seed(self.system.seed)


def built(experiment: DeclaredExperiment) -> VariationalFreeEnergy:
    """The system of an experiment with its first parameters; torch's global generator is as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(experiment.seed)
        system = experiment.system.build()
    system.batch_size, system.accumulate = experiment.batch_size, experiment.trainer.accumulate
    finished_by(system, experiment)
    return system


def load(
    run: str | Path | Run | Result, device: str | torch.device = "cpu", seed: int | None = None
) -> Trained:
    """The trained system of a run, on any device, whichever it was trained on.

    Args:
        run: its id or the beginning of it, what MLflow knows of it, its results, or a checkpoint file.
        device: such as "cpu" or "cuda".
        seed: of the samples; that of the experiment where none is given.

    Raises:
        Refused: there is no such run, or it has no checkpoint that can be read.
    """
    return Trained(stored(run), device, seed)
