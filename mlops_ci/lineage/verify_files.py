"""Recorded files and folders against their bytes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from mlops_ci import environment
from mlops_ci.errors import UnreadableError
from mlops_ci.limits import MAX_BYTES
from mlops_ci.lineage.hashing import AbsentError, Digests, Folder
from mlops_ci.lineage.statement import is_inside
from mlops_ci.record import RecordedFile, Verified
from mlops_ci.text import shell_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_ci.lineage.hashing import Hashed
    from mlops_ci.lineage.worktree import ModelFacts, WorkTreeFacts
    from mlops_ci.record import FactKind, Provenance

_SHOWN = 12
_MOST_PACKAGES = 3


def verify(
    facts: WorkTreeFacts, files: Iterable[RecordedFile], hashed: dict[str, Hashed]
) -> Iterator[Verified]:
    """Each file and folder; of a folder that differs, the files that make the difference."""
    members: dict[str, list[RecordedFile]] = {}
    single: list[RecordedFile] = []
    for one in files:
        (members.setdefault(one.folder, []) if one.folder else single).append(one)
    for one in single:
        found = _verified(facts, one, hashed[one.path])
        inner = list(_members(one, members.pop(one.path, []), hashed[one.path]))
        explained = found.result == "different" and any(x.result == "different" for x in inner)
        yield from inner if explained else [found, *inner]
    # A file of a folder that the Record does not have: nobody wrote that.
    for folder, orphans in members.items():
        for one in orphans:
            yield _unknown(one, f"its folder {folder} is not in the Record")


def unrecorded(recorded: Provenance, now: ModelFacts) -> Iterator[Verified]:
    """What the model is made from or gives now, of which the Record says nothing; and what it takes for the model
    that is not: left out or renamed, a file would pass unseen.
    """
    known = {one.path for one in recorded.files}
    for path, kind in sorted(_expected(now).items()):
        if is_inside(path) and path not in known:
            part = "an input" if kind in ("data", "code", "environment") else "an output"
            yield _different(
                RecordedFile(path=path, kind=kind, digests={}), "not there", f"is {part} now"
            )
    for one in recorded.of_kind("model"):
        if not one.folder and now.model_paths and one.path not in now.model_paths:
            yield _different(one, "the model", f"the model is {', '.join(now.model_paths)}")


def _expected(now: ModelFacts) -> dict[str, FactKind]:
    expected: dict[str, FactKind] = dict.fromkeys(now.outputs, "output")
    expected |= dict.fromkeys(now.model_paths, "model")
    expected |= dict.fromkeys(now.metrics, "metrics")
    expected |= {one.path: "data" for one in now.snapshot.data if one.role == "input"}
    expected |= dict.fromkeys((*now.pipelines, *(one.path for one in now.snapshot.code)), "code")
    expected |= {one.source: "environment" for one in now.snapshot.environment}
    return expected


def locked(path: str, sha256: str) -> RecordedFile:
    return RecordedFile(path=path, kind="environment", digests={"sha256": sha256})


def _verified(facts: WorkTreeFacts, one: RecordedFile, found: Hashed) -> Verified:
    if one.unread:
        return _unknown(one, f"could not be read when it was recorded: {one.unread}")
    if isinstance(found, AbsentError):
        return _unknown(one, "is not here", _fetch(one))
    if isinstance(found, UnreadableError):
        return _unknown(one, str(found).removeprefix(f"{one.path}: "), found.hint)
    if isinstance(found, Folder) != ("dirHash" in one.digests):
        kinds = ("a folder", "a file") if isinstance(found, Digests) else ("a file", "a folder")
        return _different(one, *kinds)
    verified = _compared(one, {**digests_of(found), **_blob(facts, one)})
    return _explained(facts, verified, one) if verified.result == "different" else verified


def _blob(facts: WorkTreeFacts, one: RecordedFile) -> dict[str, str]:
    """Nothing for what Git does not track here."""
    blob = facts.blobs([one.path]).get(one.path) if "gitBlob" in one.digests else None
    return {"gitBlob": blob} if blob else {}


def digests_of(found: Digests | Folder) -> dict[str, str]:
    if isinstance(found, Folder):
        return {"dirHash": found.dir_hash, "md5": found.md5}
    return {"sha256": found.sha256, "md5": found.md5}


def _compared(one: RecordedFile, found: dict[str, str]) -> Verified:
    """By all algorithms that both have; MD5 alone proves nothing."""
    strong = "dirHash" if "dirHash" in found else "sha256"
    if strong not in one.digests:
        return _unknown(one, "has no SHA-256 in the Record: MD5 alone proves nothing")
    for name in (strong, "md5", "gitBlob"):
        if name in one.digests and one.digests[name] != found.get(name, one.digests[name]):
            pair = (f"{name} {digest}" for digest in (one.digests[name], found[name]))
            return _different(one, *pair)
    return Verified(kind=one.kind, name=one.path, result="same")


def _members(
    folder: RecordedFile, members: list[RecordedFile], found: Hashed
) -> Iterator[Verified]:
    if not isinstance(found, Folder) or not members:
        return
    now = {f"{folder.path}/{name}": digests for name, digests in found.files.items()}
    for one in members:
        if one.path in now:
            yield _compared(one, digests_of(now.pop(one.path)))
        else:
            yield _different(one, "a file", "not there")
    for path in sorted(now):
        yield Verified(
            kind=folder.kind, name=path, result="different", recorded="not there", found="a file"
        )


def _different(one: RecordedFile, recorded: str, found: str) -> Verified:
    return Verified(
        kind=one.kind, name=one.path, result="different", recorded=recorded, found=found
    )


def _unknown(one: RecordedFile, reason: str, hint: str = "") -> Verified:
    return Verified(kind=one.kind, name=one.path, result="unknown", reason=reason, hint=hint)


def _fetch(one: RecordedFile) -> str:
    word = shell_word(one.path)
    return f"git checkout -- {word}" if "gitBlob" in one.digests else f"dvc pull {word}"


def _explained(facts: WorkTreeFacts, verified: Verified, one: RecordedFile) -> Verified:
    """With the packages that differ, where it is a lock file; else with the command that shows the lines."""
    blob = one.digests.get("gitBlob", "")
    oid, kind, size = facts.repository.objects.stat(blob) if blob else ("", "", 0)
    if kind != "blob" or size > MAX_BYTES:
        return verified
    hint = f"git diff {blob[:_SHOWN]} -- {shell_word(one.path)}"
    reason = ""
    if one.kind == "environment":
        reason = _packages(facts, one.path, facts.repository.objects.read(oid))
    return dataclasses.replace(verified, hint=hint, reason=reason)


def _packages(facts: WorkTreeFacts, path: str, before: bytes) -> str:
    """`scikit-learn 1.7.1 → 1.7.2`, as the two versions of a lock file differ."""
    try:
        after = facts.tree.read(path) or b""
        sides = [_pins(path, content) for content in (before, after)]
    except (UnreadableError, UnicodeDecodeError):
        return ""
    names = sorted(name for name in sides[0] | sides[1] if sides[0].get(name) != sides[1].get(name))
    told = [
        f"{name} {sides[0].get(name, 'not there')} → {sides[1].get(name, 'not there')}"
        for name in names[:_MOST_PACKAGES]
    ]
    more = len(names) - _MOST_PACKAGES
    return ", ".join(told) + (f" and {more:,} more" if more > 0 else "")


def _pins(path: str, content: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in environment.parse(path, content.decode("utf-8-sig")):
        found[one.name] = f"{found[one.name]}, {one.version}" if one.name in found else one.version
    return found
