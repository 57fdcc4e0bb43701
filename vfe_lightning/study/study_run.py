"""The MLflow run of a study, under which those of its trials are nested, and what is said of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import optuna
from mlflow.entities import Metric, Param, RunTag
from optuna.trial import TrialState

from vfe_lightning.declarations.changes import flat
from vfe_lightning.declarations.study import Grid
from vfe_lightning.errors import masked
from vfe_lightning.notation import with_error
from vfe_lightning.result import Result, Status
from vfe_lightning.study.plan import StudyPlan
from vfe_lightning.study.storage import finished
from vfe_lightning.study.watch import RUN
from vfe_lightning.tracking import provenance, store
from vfe_lightning.tracking.filing import Filing
from vfe_lightning.tracking.items import artifact, passing, put
from vfe_lightning.tracking.outbox import Outbox
from vfe_lightning.tracking.pictures import DPI
from vfe_lightning.tracking.process import Process

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

STATE, NUMBER, PARENT = "optuna.state", "optuna.trial", "mlflow.parentRunId"
STORAGE = "optuna.storage"
ENDED: dict[str, Status] = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAILED": "FAILED"}


class StudyRun:
    """One for all workers and restarts; `run_id` is also a user attribute of the Optuna study."""

    def __init__(self, study: StudyPlan, client: "MlflowClient", run_id: str) -> None:
        self.study, self.client, self.run_id = study, client, run_id

    @classmethod
    def open(cls, study: StudyPlan, opened: optuna.Study, url: str, n_trials: int) -> "StudyRun":
        uri = store.tracking_uri()
        client = store.connect(uri)
        experiment = store.experiment_id(client, uri, study.filed_as, study.told)
        with store.lock(url):
            # One in each storage; MLflow's queries have no way to quote a quotation mark.
            studies = client.search_runs([experiment], f"tags.`{STORAGE}` != ''")
            found = [run for run in studies if run.data.tags[STORAGE] == key(url)]
            if found:
                run_id = found[0].info.run_id
                client.update_run(run_id, status="RUNNING")
            else:
                declared = study.example[0]
                code, diff = provenance.code(declared, study.declaring)
                tags = {
                    "optuna.study": study.name,
                    STORAGE: key(url),
                    store.NOTE: study.told[: store.LONGEST],
                    **provenance.tags(study.declaring),
                    **code,
                }
                run_id = client.create_run(experiment, run_name=study.name, tags=tags).info.run_id
                params = flat(
                    {"search": study.search.model_dump(), "objectives": ", ".join(study.objectives)}
                )
                if study.pruning:
                    params |= flat({"pruning": study.pruning.model_dump()})
                client.log_batch(run_id, params=[Param(k, str(v)) for k, v in params.items()])
                for name, content in provenance.files(declared, diff, study.declaring).items():
                    put(client, run_id, artifact(name, content))
            tags = {**Process.this().tags(), "n_trials": str(n_trials)}
            client.log_batch(run_id, tags=[RunTag(k, v) for k, v in tags.items()])
            opened.set_user_attr("mlflow.run_id", run_id)
        return cls(study, client, run_id)

    def filing(self, trial: optuna.Trial) -> Filing:
        """How the run of a trial is filed: named after the parameters that were chosen for it."""
        tags = {PARENT: self.run_id, "optuna.study": self.study.name, NUMBER: str(trial.number)}
        name = f"{trial.number:03d} {chosen(trial.params)}"
        return Filing(self.study.filed_as, name, tags, declaring=self.study.declaring)

    def tell(self, trial: optuna.Trial, state: str, what: str) -> None:
        """The end of a trial: a tag of its run, and a line on the terminal."""
        run_id = trial.user_attrs.get(RUN) or self.run_of(trial.number) or self.make_run(trial)
        trial.set_user_attr(RUN, run_id)
        outbox = Outbox(self.client, run_id)
        outbox.send({"tags": {STATE: state}})
        waits = outbox.file.exists()  # with how it ended, for a server that takes nothing
        if (
            not waits and self.client.get_run(run_id).info.status == "RUNNING"
        ):  # it failed before it was a run
            self.client.set_tag(run_id, "vfe.error", what[:500])
            self.client.set_terminated(run_id, ENDED[state])
        params = chosen(trial.params)
        print(f"trial {trial.number:3d} {state:8s} {what}  [{params}]  run {run_id[:8]}", flush=True)

    def progress(self, opened: optuna.Study) -> None:
        """How many trials have ended, and the best values so far, against the number of those that have."""
        done = finished(opened.get_trials(deepcopy=False))
        if not done:
            return
        states = [t.state.name.replace("FAIL", "FAILED") for t in done]
        values: dict[str, float] = {f"trials/{state.lower()}": states.count(state) for state in ENDED}
        complete = [t for t in done if t.state == TrialState.COMPLETE]
        if complete and not isinstance(self.study.search, Grid):  # a scan has no best point
            best = min(complete, key=lambda t: t.values)
            for name, value in zip(self.study.objectives, best.values, strict=True):
                values[f"best/{name}"] = value
                if error := best.user_attrs.get(f"{name}_error"):
                    values[f"best/{name}_error"] = error
        when = max(int(t.datetime_complete.timestamp() * 1000) for t in done if t.datetime_complete)
        try:
            metrics = [Metric(name, value, when, len(done)) for name, value in values.items()]
            self.client.log_batch(self.run_id, metrics=metrics)
        except Exception as error:
            if not passing(error):  # the next trial tells it again
                raise

    def draw(self, figures: "Mapping[str, Figure]") -> None:
        for name, figure in figures.items():
            self.client.log_figure(self.run_id, figure, f"figures/{name}.png", save_kwargs={"dpi": DPI})
            self.client.log_figure(self.run_id, figure, f"figures/{name}.pdf")

    def describe(self, text: str) -> None:
        """On top of its page."""
        told = f"{text}\n\n{self.study.told}"
        self.tag({store.NOTE: told[: store.LONGEST]})

    def tag(self, tags: "Mapping[str, str]") -> None:
        """One worker at a time: MLflow looks whether a tag is there before it inserts it."""
        with store.lock(store.tracking_uri()):
            for name, value in tags.items():
                self.client.set_tag(self.run_id, name, value)

    def run_of(self, trial_number: int) -> str | None:
        experiment = self.client.get_run(self.run_id).info.experiment_id
        query = f"tags.`{NUMBER}` = '{trial_number}' and tags.`{PARENT}` = '{self.run_id}'"
        found = self.client.search_runs([experiment], query, max_results=1)
        return found[0].info.run_id if found else None

    def make_run(self, trial: optuna.Trial) -> str:
        """For a trial that was refused before it had a run."""
        filing = self.filing(trial)
        experiment = self.client.get_run(self.run_id).info.experiment_id
        return self.client.create_run(
            experiment, run_name=filing.run_name, tags=dict(filing.tags)
        ).info.run_id

    def in_words(self, result: Result) -> str:
        numbers = {name: result.number(name) for name in self.study.objectives}
        return "  ".join(
            f"{name} {with_error(*n) if n[1] > 0 else f'{n[0]:.3g}'}" for name, n in numbers.items()
        )


def chosen(params: dict) -> str:
    """The parameters of a trial in a few words, by the last parts of their names where those differ."""
    last = {name: name.rpartition(".")[2] for name in params}
    alone = [word for word in last.values() if list(last.values()).count(word) == 1]
    names = {name: word if word in alone else name for name, word in last.items()}
    words = {names[k]: f"{v:.3g}" if isinstance(v, float) else str(v) for k, v in params.items()}
    return " ".join(f"{name}={word}" for name, word in words.items())


def key(url: str) -> str:
    """Names a storage, without its password."""
    path = store.database_file(url)
    return f"sqlite:///{path}" if path else masked(url.rpartition("@")[2])
