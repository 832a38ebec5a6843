"""A Record to where others find it: the tracked runs that it names, and a Git note."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci import config as configuration
from mlops_ci.errors import PublishError, ToolError, UsageError
from mlops_ci.git.tree import WorkTree
from mlops_ci.http import StatusError, redact
from mlops_ci.lineage import notes
from mlops_ci.lineage.provenance import lock_tags, parse
from mlops_ci.lineage.statement import Statement, encode
from mlops_ci.record import Pushed
from mlops_ci.stack.base import MARK_TAG, Attachment, TrackerSettings
from mlops_ci.stack.trackers import TRACKERS
from mlops_ci.tracking import Tracking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_ci.git import Repository
    from mlops_ci.record import Provenance, RecordedRun

TAG = "mlops_ci.record"
ARTIFACT = "mlops-ci/record.intoto.jsonl"
# Where a training logs when its tracker cannot be reached; MLflow's own default is the other place.
LOCAL_STORES = (".mlops-ci/mlflow.db", "mlflow.db")


def to_tracker(repository: Repository, statements: list[Statement], where: str) -> list[Pushed]:
    """The Record at each run that it names; first the run itself, where it was logged beside the repository.

    Nothing is sent twice. Raises UsageError where no tracker is known, PublishError where it does not let us write.
    """
    root = repository.root
    if root is None:
        raise UsageError("a bare repository has no work tree", hint="git clone it")
    content = "".join(f"{encode(one)}\n" for one in statements).encode("ascii")
    recorded = parse(statements, where)
    attachment = Attachment(content=content, path=ARTIFACT, tag=TAG, tags=lock_tags(recorded))
    pairs = list(_runs(recorded))
    places = {model: _place(repository, root, model) for model, _ in pairs}
    try:
        return [
            _pushed(root, places[model], one, attachment)
            for model, run in pairs
            for one in _found(places[model], run)
        ]
    except StatusError as error:
        if error.status not in (401, 403):
            raise
        raise PublishError(f"{error}: the Record may not be kept there", hint=error.hint) from error


def to_notes(repository: Repository, statements: list[Statement], where: str, remote: str) -> bool:
    """The Record as a note of the commit where its run began, also at `remote` unless that is "".

    False when it was there. Raises ToolError when the note cannot be written or pushed.
    """
    commits = {one.commit for one in parse(statements, where)}
    if len(commits) != 1:
        raise UsageError(f"{where}: speaks of {len(commits)} commits: which one gets the note?")
    added = notes.add(repository, commits.pop(), statements)
    if remote:
        notes.push(repository, remote)
    return added


def _runs(recorded: list[Provenance]) -> Iterator[tuple[str, RecordedRun]]:
    """Each run once, with the first model that it made."""
    seen = set()
    for one in recorded:
        for run in one.runs:
            if run.run_id + run.mark not in seen:
                seen.add(run.run_id + run.mark)
                yield one.model, run


def _place(repository: Repository, root: Path, model: str) -> TrackerSettings:
    config = configuration.load(WorkTree(repository, root).read)
    tracking = Tracking(config=config, trusted=lambda: None, root=root, alone=True)
    settings = tracking.settings(model, os.environ)
    if settings is None:
        raise UsageError("no tracker is known", hint="set MLFLOW_TRACKING_URI, and run this again")
    if not settings.trusted and settings.uri.lower().startswith("http"):
        # A pull request can write this file, and with it whom we tell.
        raise UsageError(
            f"{redact(settings.uri)} stands only in mlops-ci.yaml: nothing is sent there",
            hint=f"export MLFLOW_TRACKING_URI={redact(settings.uri)}",
        )
    return settings


def _found(place: TrackerSettings, run: RecordedRun) -> list[RecordedRun]:
    """The runs themselves, where the tracker was down when they should have been read back."""
    if not run.mark:
        return [run]
    ids = TRACKERS["mlflow"].tagged(place, MARK_TAG, run.mark)
    return [replace(run, run_id=one, mark="") for one in ids]


def _pushed(root: Path, place: TrackerSettings, run: RecordedRun, attachment: Attachment) -> Pushed:
    tracker = TRACKERS["mlflow"]
    here = redact(place.uri).rstrip("/")
    run_id = run.run_id
    if run.local:
        run_id = tracker.send(_local(root, place), place, run_id)
    elif run.uri and run.uri.rstrip("/") != here:
        hint = f"export MLFLOW_TRACKING_URI={run.uri}"
        raise UsageError(f"run {run_id} is at {run.uri}, and the tracker is {here}", hint=hint)
    changed = tracker.attach(place, run_id, attachment)
    return Pushed(run_id=run.run_id, sent_as=run_id, uri=here, changed=changed)


def _local(root: Path, place: TrackerSettings) -> TrackerSettings:
    found = [path for path in LOCAL_STORES if (root / path).is_file()]
    if not found:
        hint = "run this in the work tree that trained"
        raise ToolError(f"there is no {LOCAL_STORES[0]}: the run was logged elsewhere", hint=hint)
    local = TrackerSettings(uri=f"sqlite:///{found[0]}", root=root)
    if place.uri == local.uri:
        hint = "set MLFLOW_TRACKING_URI to where it is to be sent, and run this again"
        raise UsageError("the tracker is the store beside the repository itself", hint=hint)
    return local
