"""MLflow keeps absolute paths of artifacts: they are mended after the folder of the runs has moved."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import create_engine, inspect, text

from vfe_lightning.errors import Refused
from vfe_lightning.tracking import store

COLUMNS = {"experiments": "artifact_location", "runs": "artifact_uri", "logged_models": "artifact_location"}


def relocate(uri: str, old: str | None) -> list[str]:
    """Point all artifacts below `old` to where they lie now; returns the old places.

    Args:
        uri: of the database.
        old: where they were, as a path; None for all places that do not exist any more.

    Raises:
        Refused: for a store that is no database, and where no artifacts have moved.
    """
    new = store.artifact_location(uri)
    if new is None:
        raise Refused(f"relocate mends databases; the artifacts of {uri} are where its server keeps them")
    engine = create_engine(uri)
    with store.lock(uri), engine.begin() as connection:
        rows = connection.execute(text("SELECT experiment_id, artifact_location FROM experiments")).all()
        places = sorted({place for number, place in rows if place and int(number) != 0})
        moved = [p for p in places if (_path(p) == Path(old).absolute() if old else not _path(p).exists())]
        if not moved:
            raise Refused(f"no artifacts have moved: they are in {', '.join(places) or 'no place yet'}")
        for table, column in COLUMNS.items():
            if inspect(connection).has_table(table):
                for place in moved:
                    connection.execute(
                        text(
                            f"UPDATE {table} SET {column} = :new || substr({column}, :rest) "
                            f"WHERE substr({column}, 1, :length) = :old"
                        ),
                        {"new": new, "old": place, "length": len(place), "rest": len(place) + 1},
                    )
    return moved


def _path(place: str) -> Path:
    """Of a folder that MLflow names by a path or a file URI."""
    return Path(unquote(urlsplit(place).path))
