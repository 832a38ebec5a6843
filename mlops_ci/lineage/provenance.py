"""A provenance Statement as typed facts. It may be forged: what has the wrong shape is refused, never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mlops_ci.errors import UnreadableError
from mlops_ci.lineage.statement import FILES, PROVENANCE, Descriptor, Statement, kind_of
from mlops_ci.record import Provenance, RecordedFile, RecordedLock, RecordedRun, RecordedStage
from mlops_ci.stack.base import LOCK_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
_WORDS = {str: "text", dict: "a mapping", list: "a list", bool: "true or false"}


def parse(statements: list[Statement], where: str) -> list[Provenance]:
    """What the Statements of a Record say of each model. Raises UnreadableError where they say nothing of any."""
    found = [
        _provenance(one, f"{where}:{number}")
        for number, one in enumerate(statements, 1)
        if one["predicateType"] == PROVENANCE
    ]
    if not found:
        raise UnreadableError(f"{where}: says nothing about what made a model ({PROVENANCE})")
    return found


def _provenance(statement: Statement, where: str) -> Provenance:
    try:
        return _facts(statement)
    except UnreadableError as error:
        raise UnreadableError(f"{where}: {error}") from None


def _facts(statement: Statement) -> Provenance:
    definition = statement["predicate"]["buildDefinition"]
    details = statement["predicate"]["runDetails"]
    external, internal = definition["externalParameters"], definition.get("internalParameters", {})
    dependencies = definition.get("resolvedDependencies", [])
    byproducts, metadata = details.get("byproducts", []), details.get("metadata", {})
    source = _source(dependencies)
    if internal.get("mlopsci_commit") != source.get("gitCommit"):
        raise UnreadableError("it names two commits, a Record has one")
    return Provenance(
        model=_get(external, "model", str),
        command=tuple(_texts(external, "command")),
        params=_tables(external, "params"),
        files=tuple(_files([*statement["subject"], *dependencies, *byproducts])),
        external=tuple(one["name"] for one in dependencies if kind_of(one) == "external"),
        commit=source.get("gitCommit", ""),
        tree=source.get("gitTree", ""),
        dirty=tuple(_texts(internal, "mlopsci_dirty")),
        lock_digest=_get(internal, "mlopsci_lock_digest", str),
        environments=tuple(map(_lock, _list_of(internal, "mlopsci_environments", dict))),
        variables=_text_table(internal, "mlopsci_variables"),
        machine=_text_table(internal, "mlopsci_machine"),
        python=_get(internal, "mlopsci_python", str),
        seeds=tuple(_seeds(internal)),
        persist=_get(internal, "mlopsci_persist", str),
        started=_get(metadata, "startedOn", str),
        finished=_get(metadata, "finishedOn", str),
        builder=_get(details["builder"], "id", str),
        run_url=_get(metadata, "invocationId", str, ""),
        runs=tuple(_run(one) for one in byproducts if kind_of(one) == "mlflow"),
        unread=tuple(_texts(internal, "mlopsci_unread")),
        stages=tuple(_stages(byproducts)),
        stale=tuple(_texts(internal, "mlopsci_stale")) if "mlopsci_stale" in internal else (),
    )


def lock_tags(recorded: list[Provenance]) -> dict[str, str]:
    """The tag by which a run is found for what dvc.lock says now. Which of several models a run made is not known."""
    digests = [one.lock_digest for one in recorded]
    return {LOCK_TAG: digests[0]} if len(digests) == 1 and digests[0] else {}


def _source(dependencies: list[Descriptor]) -> dict[str, str]:
    found: list[dict[str, str]] = [
        one.get("digest", {}) for one in dependencies if kind_of(one) == "source"
    ]
    if len(found) != 1:
        raise UnreadableError(f"it names {len(found)} commits, a Record has one")
    return found[0]


def _files(descriptors: list[Descriptor]) -> Iterator[RecordedFile]:
    for one in descriptors:
        annotations = one.get("annotations", {})
        if kind_of(one) in FILES:
            yield RecordedFile(
                path=one["name"],
                kind=kind_of(one),
                digests=one.get("digest", {}),
                size=annotations.get("size", 0),
                folder=_get(annotations, "folder", str, ""),
                unread=_get(annotations, "unread", str, ""),
                values=_get(annotations, "values", dict, {}),
            )


def _lock(one: dict[str, Any]) -> RecordedLock:
    return RecordedLock(
        **{name: _get(one, name, str) for name in ("path", "tool", "sha256", "in_sync")}
    )


def _run(one: Descriptor) -> RecordedRun:
    annotations = one["annotations"]
    return RecordedRun(
        run_id=_get(annotations, "run_id", str),
        uri=_get(one, "uri", str, ""),
        experiment=_get(annotations, "experiment", str),
        local=_get(annotations, "local", bool),
        mark=_get(annotations, "mark", str, ""),
    )


def _stages(byproducts: list[Descriptor]) -> Iterator[RecordedStage]:
    listed = (one["annotations"] for one in byproducts if kind_of(one) == "stages")
    for one in (stage for table in listed for stage in _list_of(table, "stages", dict)):
        seconds = one.get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
            raise UnreadableError("its seconds are no time")
        name, result = _get(one, "name", str), _get(one, "result", str)
        yield RecordedStage(name=name, result=result, seconds=float(seconds))


def _get(table: dict[str, Any], key: str, kind: type[T], default: T | None = None) -> T:
    value = table.get(key, default)
    if not isinstance(value, kind):
        raise UnreadableError(f"its {key} is not {_WORDS[kind]}")
    return value


def _list_of(table: dict[str, Any], key: str, kind: type[T]) -> list[T]:
    found = _get(table, key, list)
    if not all(isinstance(one, kind) for one in found):
        raise UnreadableError(f"its {key} has an entry that is not {_WORDS[kind]}")
    return found


def _texts(table: dict[str, Any], key: str) -> list[str]:
    return _list_of(table, key, str)


def _text_table(table: dict[str, Any], key: str) -> dict[str, str]:
    found = _get(table, key, dict)
    return {name: _get(found, name, str) for name in found}


def _tables(table: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    found = _get(table, key, dict)
    return {name: _get(found, name, dict) for name in found}


def _seeds(table: dict[str, Any]) -> list[int]:
    found = _get(table, "mlopsci_seeds", list)
    if not all(isinstance(one, int) and not isinstance(one, bool) for one in found):
        raise UnreadableError("its mlopsci_seeds has an entry that is not a whole number")
    return found
