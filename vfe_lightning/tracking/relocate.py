"""MLflow keeps absolute paths of artifacts: they are mended where a folder of runs has moved or was copied.

The folder of a run is named after its id, which no other run has: where it lies, its artifacts are.
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, create_engine, inspect, text

from vfe_lightning.errors import Refused

OWN = "artifacts"  # last part of the places that are ours, of runs and of experiments


def relocate(uri: str, home: str | None, old: str | None) -> list[str]:
    """Point artifacts to where they lie now, on demand; returns the old places.

    Args:
        uri: of the database.
        home: where the artifacts of new runs go, as a file URI; None where a server keeps them.
        old: a folder all of whose artifacts have moved; None for those runs whose folders are found.

    Raises:
        Refused: for a store that is no database, and where no artifacts have moved.
    """
    if home is None:
        raise Refused(f"relocate mends databases; the artifacts of {uri} are where its server keeps them")
    if moved := mend(uri, home, old):
        return moved
    with create_engine(uri).connect() as connection:
        places = sorted(set(_experiments(connection).values()))
    raise Refused(f"no artifacts have moved: they are in {', '.join(places) or 'no place yet'}")


def mend(uri: str, home: str, old: str | None = None) -> list[str]:
    """Point the runs whose folders lie in `home` there, and the experiments of these runs; see `relocate`."""
    engine = create_engine(uri)
    try:
        with engine.begin() as connection:
            places = _moved(connection, home, Path(old).absolute() if old else None)
            if places:
                _mend_models(connection, home, places)
            return sorted(places)
    finally:
        engine.dispose()


def _moved(connection: Connection, home: str, old: Path | None) -> set[str]:
    """The places that runs were in; what has moved is mended on the way."""
    experiments, folder = _experiments(connection), path_of(home)
    found = connection.execute(
        text("SELECT run_uuid, artifact_uri FROM runs WHERE substr(artifact_uri, 1, :length) != :home"),
        {"home": f"{home}/", "length": len(home) + 1},
    )
    elsewhere = {run: place for run, uri in found if (place := _place(run, uri or ""))}
    if old:
        places = {place for place in {*elsewhere.values(), *experiments.values()} if path_of(place) == old}
        moved = [run for run, place in elsewhere.items() if place in places]
    else:
        moved = [run for run in elsewhere if (folder / run).is_dir()]
        # of an experiment without runs nothing tells but its place
        empty = {p for p in set(experiments.values()) - set(elsewhere.values()) if not path_of(p).exists()}
        places = {elsewhere[run] for run in moved} | {p for p in empty - {home} if p.endswith(f"/{OWN}")}
    _set(connection, "runs", "artifact_uri", "run_uuid", {run: f"{home}/{run}/{OWN}" for run in moved})
    placed = {number: home for number, place in experiments.items() if place in places}
    _set(connection, "experiments", "artifact_location", "experiment_id", placed)
    return places


def _experiments(connection: Connection) -> dict[int, str]:
    """Where artifacts of their new runs go; MLflow's own experiment has none of our runs."""
    rows = connection.execute(text("SELECT experiment_id, artifact_location FROM experiments"))
    return {number: place for number, place in rows if place and number != 0}


def _place(run: str, uri: str) -> str | None:
    """The folder that holds the folder of a run, as our experiments have it."""
    return uri.removesuffix(f"/{run}/{OWN}") if uri.endswith(f"/{run}/{OWN}") else None


def _mend_models(connection: Connection, home: str, places: set[str]) -> None:
    """Models that were logged beside the runs, by programs other than ours."""
    if not inspect(connection).has_table("logged_models"):
        return
    rows = connection.execute(text("SELECT model_id, artifact_location FROM logged_models")).all()
    moved = {
        model: home + uri[len(place) :]
        for model, uri in rows
        for place in places
        if uri.startswith(f"{place}/")
    }
    _set(connection, "logged_models", "artifact_location", "model_id", moved)


def _set(connection: Connection, table: str, column: str, key: str, values: dict) -> None:
    if values:
        query = text(f"UPDATE {table} SET {column} = :value WHERE {key} = :key")
        connection.execute(query, [{"key": k, "value": value} for k, value in values.items()])


def path_of(place: str) -> Path:
    """Of a folder that MLflow names by a path or a file URI."""
    return Path(unquote(urlsplit(place).path))
