"""Recorded runs as a list, and as text for the eye."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from vfe_lightning.analysis.quoted import EXACT, quoted, quoted_or_last
from vfe_lightning.declarations.changes import unknown_name
from vfe_lightning.notation import units_text, with_error

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

NAN = float("nan")
WIDEST = 60  # characters of the parameters
PAGE = 1000  # runs in one answer of MLflow


class Listed(NamedTuple):
    """What a list says of one run; F of a run that did not finish is that of its last step."""

    run: str
    experiment: str
    parameters: str
    F: float | None
    error: float | None
    units: str
    reference: float | None
    excess: float | None
    status: str
    started: str

    @classmethod
    def of(
        cls,
        identity: tuple[str, str, str, str, int],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> "Listed":
        """From the id, the experiment, the name, the status and the start in ms; metrics; and tags."""
        run_id, experiment, name, status, start = identity
        return cls(
            run_id[:8],
            experiment,
            name,
            *quoted_or_last(metrics, "free_energy"),
            units_text(tags.get("units", ""), tags.get("per", "")),
            quoted(metrics, EXACT),
            quoted(metrics, "excess"),
            status,
            datetime.fromtimestamp(start / 1000).strftime("%Y-%m-%d %H:%M"),
        )


def listed(client: "MlflowClient", experiment: str | None = None, limit: int | None = None) -> list[Listed]:
    """The latest first."""
    runs, names = all_runs(client, experiment, limit)
    return [
        Listed.of(
            (
                r.info.run_id,
                names[r.info.experiment_id],
                r.info.run_name or "",
                r.info.status,
                r.info.start_time,
            ),
            r.data.metrics,
            r.data.tags,
        )
        for r in runs
    ]


def text(rows: Sequence[Listed]) -> str:
    """For a terminal: numbers with their errors."""
    if not rows:
        return "no runs yet: `python -m experiments` lists what can be run"
    lines = [("run", "experiment", "parameters", "F", "units", "exact", "excess", "status", "started")]
    for r in rows:
        name = r.parameters if len(r.parameters) <= WIDEST else f"{r.parameters[: WIDEST - 3]}..."
        error = NAN if r.error is None else r.error
        f, exact, excess = (
            "" if value is None else with_error(value, e)
            for value, e in ((r.F, error), (r.reference, NAN), (r.excess, error))
        )
        lines.append((r.run, r.experiment, name, f, r.units, exact, excess, r.status, r.started))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(f"{w:<{n}}" for w, n in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def all_runs(
    client: "MlflowClient", experiment: str | None = None, limit: int | None = None
) -> tuple[list["Run"], dict[str, str]]:
    """The runs of one or all experiments, the latest first, and the experiments' names by their ids.

    Raises:
        Refused: when there is no such experiment.
    """
    names = {e.experiment_id: e.name for e in client.search_experiments() if experiment in (None, e.name)}
    if experiment and not names:
        raise unknown_name(experiment, [e.name for e in client.search_experiments()])
    runs: list[Run] = []
    token = None
    page_size = PAGE if limit is None else min(limit, PAGE)
    while names and (limit is None or len(runs) < limit):
        latest = ["attributes.start_time DESC"]
        page = client.search_runs(list(names), max_results=page_size, order_by=latest, page_token=token)
        runs += page
        if not (token := page.token):
            break
    return runs[:limit], names
