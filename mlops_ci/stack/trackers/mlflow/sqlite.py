"""MLflow's SQLite store, `sqlite:///path`, opened so that nothing can be written but tags."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from mlops_ci.errors import UnreadableError
from mlops_ci.stack.base import TrackedRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlops_ci.stack.base import BoundBy, TrackerSettings

T = TypeVar("T")

BUSY_SECONDS = 5.0

RUN = """
SELECT CASE lifecycle_stage WHEN 'active' THEN status ELSE 'DELETED' END, experiment_id
FROM runs WHERE run_uuid = ?
"""
TAGGED = """
SELECT r.run_uuid, r.experiment_id, COALESCE(parent.value, '')
FROM tags t JOIN runs r ON r.run_uuid = t.run_uuid
LEFT JOIN tags parent ON parent.run_uuid = r.run_uuid AND parent.key = 'mlflow.parentRunId'
WHERE t.key = ? AND t.value = ? AND r.status = 'FINISHED' AND r.lifecycle_stage = 'active'
"""
EXPERIMENTS = """
SELECT experiment_id FROM experiments
WHERE lifecycle_stage = 'active' AND name = COALESCE(?, name)
"""
EXPERIMENT = "SELECT name FROM experiments WHERE experiment_id = ?"
METRICS = (
    "SELECT key, CASE WHEN is_nan THEN 'nan' ELSE value END FROM latest_metrics WHERE run_uuid = ?"
)
PARAMS = "SELECT key, value FROM params WHERE run_uuid = ?"
TAGS = "SELECT key, COALESCE(value, '') FROM tags WHERE run_uuid = ?"
# As set_tag of https://github.com/mlflow/mlflow/blob/v3.17.2/mlflow/store/tracking/sqlalchemy_store.py
SET_TAG = """
INSERT INTO tags (key, value, run_uuid) SELECT ?, ?, run_uuid FROM runs WHERE run_uuid = ?
ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value
"""


class SqliteStore:
    """See `Store`. `path`: of the file that `database` reads."""

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        self.database = database
        self.path = path

    def get(self, run_id: str, bound_by: BoundBy) -> tuple[str, TrackedRun] | None:
        for status, experiment_id in self.database.execute(RUN, (run_id,)):
            return str(status), TrackedRun(
                run_id=run_id,
                experiment=str(self.database.execute(EXPERIMENT, (experiment_id,)).fetchone()[0]),
                bound_by=bound_by,
                metrics=self._values(METRICS, run_id, float),
                params=self._values(PARAMS, run_id, str),
                tags=self._values(TAGS, run_id, str),
            )
        return None

    def experiments(self, name: str | None) -> list[str]:
        return [str(found) for (found,) in self.database.execute(EXPERIMENTS, (name,))]

    def tagged(self, key: str, value: str, experiments: list[str]) -> dict[str, str]:
        rows = self.database.execute(TAGGED, (key, value))
        return {str(run): str(parent) for run, where, parent in rows if str(where) in experiments}

    def tag(self, run_id: str, tags: dict[str, str]) -> None:
        """Through a connection of its own: what this one sees stays as it is."""
        if tags.items() <= self._values(TAGS, run_id, str).items():
            return
        self.database.rollback()
        writing = sqlite3.connect(f"{self.path.as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)
        with closing(writing) as database, database:
            database.executemany(SET_TAG, [(key, value, run_id) for key, value in tags.items()])

    def _values(self, sql: str, run_id: str, kind: Callable[[Any], T]) -> dict[str, T]:
        return {str(key): kind(value) for key, value in self.database.execute(sql, (run_id,))}


@contextmanager
def open_store(settings: TrackerSettings) -> Iterator[SqliteStore]:
    """The store, seen at one moment. What SQLite complains about becomes an UnreadableError."""
    path, version = path_of(settings), "unknown"
    try:
        uri = f"{path.as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as database:
            database.text_factory = lambda text: text.decode(errors="replace")
            database.execute("BEGIN")
            version = database.execute("SELECT version_num FROM alembic_version").fetchone()[0]
            yield SqliteStore(database, path)
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise _unreadable(path, version, str(error)) from error


def path_of(settings: TrackerSettings) -> Path:
    """The file of the store. Raises UnreadableError when there is none."""
    name = settings.uri.partition(":///")[2]
    # SQLAlchemy reads what follows a `?` as options, and decodes %20 since 2.1.
    plain = name.partition("?")[0]
    paths = [(settings.root / spelling).absolute() for spelling in (name, plain, unquote(plain))]
    for path in paths:
        if os.path.isfile(path):  # noqa: PTH113  (unlike Path.is_file, it raises for no path)
            return path
    hint = f"a relative path begins at {settings.root}; the address of a tracking server is http(s)://…"
    raise UnreadableError(f"there is no file {paths[1]}", hint=hint)


def _unreadable(path: Path, version: str, reason: str) -> UnreadableError:
    if "locked" in reason:
        return UnreadableError(f"{path}: {reason}", hint="run again when nothing writes to it")
    if "no such" in reason:
        hint = "run `mlflow server --backend-store-uri …` and set its http:// address"
        reason = f"alembic version {version} is not a layout that is known: {reason}"
        return UnreadableError(f"{path}: {reason}", hint=hint)
    return UnreadableError(f"{path} cannot be read as an MLflow store: {reason}")
