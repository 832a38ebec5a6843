"""Metrics that no code of a user measures: how long training took and how large the model is, by its Record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.errors import UnreadableError
from mlops_ci.lineage import notes, provenance, store
from mlops_ci.lineage.seeds import full_name
from mlops_ci.model import Measurement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mlops_ci.git import Repository
    from mlops_ci.lineage.statement import Statement
    from mlops_ci.model import Snapshot
    from mlops_ci.record import Provenance

SOURCE = "record"


def known(repository: Repository) -> list[Provenance]:
    """What made each model, by the Records of this work tree, the newest first, then by those in notes."""
    files = store.kept(repository.root) if repository.root else []
    lines = [statement for path in files for statement in _read(path)]
    return list(_parsed([*lines, *(one for _, one in notes.statements(repository))]))


def _read(path: Path) -> list[Statement]:
    try:
        return store.read(path)
    except UnreadableError:
        return []


def _parsed(statements: Iterable[Statement]) -> Iterator[Provenance]:
    for one in statements:
        try:
            yield provenance.parse([one], SOURCE)[0]
        except UnreadableError:
            continue  # a verdict, a promotion, or another tool's


def metrics(snapshot: Snapshot, records: Iterable[Provenance]) -> tuple[Measurement, ...]:
    """Of the Records that speak of this side. By content: a squash merge changes commits and not dvc.lock."""
    records = list(records)
    own = [one for one in records if _speaks_of(one, snapshot)]
    same = [one for one in records if own and _model(one) and _model(one) == _model(own[0])]
    values = {
        "training_seconds": _seconds([*own, *same], snapshot),
        "model_bytes": next((found for one in own if (found := _bytes(one))), None),
    }
    return tuple(
        Measurement(
            name=f"{SOURCE}.{name}", source=SOURCE, value=value, where=f"Record of {own[0].started}"
        )
        for name, value in values.items()
        if value is not None
    )


def _model(one: Provenance) -> dict[str, dict[str, str]]:
    return {file.path: file.digests for file in one.of_kind("model")}


def _speaks_of(one: Provenance, snapshot: Snapshot) -> bool:
    if snapshot.lock_digest:
        return one.lock_digest == snapshot.lock_digest
    commit = snapshot.origin.commit or snapshot.origin.head
    return not one.lock_digest and (one.model, one.commit) == (snapshot.model, commit)


def _seconds(records: list[Provenance], snapshot: Snapshot) -> float | None:
    """Of the stages that train. One that was skipped took as long as when it made this same model; None where no Record
    knows.
    """
    names = [stage.name for stage in snapshot.stages if stage.trains]
    took: dict[str, float] = {}
    for one in reversed(records):
        ran = {full_name(stage.name): stage for stage in one.stages if stage.result == "ran"}
        took |= {name: stage.seconds for name, stage in ran.items()}
    if not snapshot.stages:
        names = list(took)  # a command that no dvc.yaml describes
    if not names or not set(names) <= took.keys():
        return None
    return round(sum(took[name] for name in names), 3)


def _bytes(one: Provenance) -> int:
    return sum(file.size for file in one.of_kind("model") if not file.folder and file.digests)
