"""A Record against the work tree: every byte is hashed again, and no tool's word is taken for it."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import UnreadableError
from mlops_ci.git.unstaged import changed_since
from mlops_ci.lineage import redaction, verdicts, verify_files
from mlops_ci.lineage.hashing import Digests
from mlops_ci.lineage.provenance import parse
from mlops_ci.lineage.stale import stale
from mlops_ci.lineage.statement import Statement, is_inside, plain
from mlops_ci.lineage.worktree import ModelFacts, WorkTreeFacts
from mlops_ci.record import Verification, Verified
from mlops_ci.text import shell_word, size, visible
from mlops_ci.text import value as shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlops_ci.lineage.hashing import Hashed
    from mlops_ci.record import Provenance, RecordedFile, RecordedVerdict

_TRAIN = "mlops-ci train"
# Bytes that take seconds to hash.
_LONG = 1 << 30


def verify(
    root: Path,
    statements: list[Statement],
    where: str,
    say: Callable[[str], None] = lambda _: None,
) -> list[Verification]:
    """One Verification a model of the Record. `root`: any folder of the repository; `where` names the Record.

    `say` is told of work that takes long.
    """
    recorded = parse(statements, where)
    judged = verdicts.parse(statements, where)
    facts = WorkTreeFacts(root)
    head = facts.repository.find("HEAD")
    now = {one.snapshot.model: one for one in facts.models(head.oid if head else "")}
    paths = {file.path for one in recorded for file in one.files if not file.folder}
    paths |= {lock.path for one in recorded for lock in one.environments if is_inside(lock.path)}
    total = sum(file.size for one in recorded for file in one.files if not file.folder)
    if total > _LONG:
        say(f"hashing {size(total)}")
    sizes = {file.path: file.size for one in recorded for file in one.files if not file.folder}
    grown = {path: one for path in paths if (one := _grown(facts.root / path, sizes.get(path)))}
    hashed = {**facts.hashes(sorted(paths - grown.keys())), **grown}
    return [
        _Verifier(facts, hashed, one, now.get(one.model)).verification(judged) for one in recorded
    ]


def _grown(file: Path, recorded: int | None) -> Digests | None:
    """What is there in the place of a file of another size, where reading it all would take long to say the same."""
    try:
        found = file.stat()
    except (OSError, ValueError):
        return None
    if recorded is None or found.st_size <= max(recorded, _LONG) or not stat.S_ISREG(found.st_mode):
        return None
    return Digests(sha256=f"of {size(found.st_size)}", md5="", size=found.st_size)


class _Verifier:
    """One model. `now`: what the repository says of it today, None when it has no such model."""

    def __init__(
        self,
        facts: WorkTreeFacts,
        hashed: dict[str, Hashed],
        recorded: Provenance,
        now: ModelFacts | None,
    ) -> None:
        self.facts, self.hashed, self.recorded, self.now = facts, hashed, recorded, now

    def verification(self, judged: list[RecordedVerdict]) -> Verification:
        found = [
            *verify_files.verify(self.facts, self.recorded.files, self.hashed),
            *(verify_files.unrecorded(self.recorded, self.now) if self.now else ()),
            *self._external(),
            *self._params(),
            *self._metrics(),
            *self._lock(),
            *self._environments(),
            *self._source(),
            *self._unread(),
            *(self._verdict(one) for one in judged if one.model == self.recorded.model),
        ]
        found += self._stale({one.name for one in found if one.result == "different"})
        return Verification(
            model=self.recorded.model, facts=tuple(found), remarks=tuple(self._remarks())
        )

    def _external(self) -> Iterator[Verified]:
        for name in self.recorded.external:
            reason = "lies outside of the repository: its bytes cannot be hashed here"
            yield Verified(kind="data", name=name, result="unknown", reason=reason)

    def _params(self) -> Iterator[Verified]:
        now = plain(self.now.params) if self.now else {}
        for file in sorted(self.recorded.params.keys() | now.keys()):
            recorded, found = self.recorded.params.get(file, {}), now.get(file, {})
            if recorded and not found and self._gone(file):
                yield self._undecided("params", file, f"{file} is not here", _checkout(file))
                continue
            for name in sorted(recorded.keys() | found.keys()):
                yield self._value("params", f"{file}:{name}", recorded.get(name), found.get(name))

    def _gone(self, file: str) -> bool:
        try:
            return self.now is None or self.facts.tree.read(file) is None
        except UnreadableError:
            return True

    def _metrics(self) -> Iterator[Verified]:
        """The values too, not the bytes alone: a Record is read for its values."""
        for file in self.recorded.of_kind("metrics"):
            now = self._measured(file)
            for name in sorted(file.values.keys() | now.keys()):
                if isinstance(self.hashed.get(file.path), UnreadableError):
                    continue  # said for the file
                label = f"{file.path}:{name}"
                yield self._compared("metrics", label, file.values.get(name), now.get(name))

    def _measured(self, file: RecordedFile) -> dict[str, Any]:
        known = self.now.values(file.path) if self.now else {}
        values: dict[str, Any] = plain(known or self.facts.values(file.path))
        return values

    def _value(self, kind: Any, name: str, recorded: Any, found: Any) -> Verified:
        if self.now is None:
            reason = f"this repository has no model {visible(self.recorded.model)} now"
            return self._undecided(kind, name, reason, "")
        if recorded == redaction.REDACTED == found:
            reason = "its name says that it is a secret: its value was not recorded"
            return self._undecided(kind, name, reason, "")
        return self._compared(kind, name, recorded, found)

    def _compared(self, kind: Any, name: str, recorded: Any, found: Any) -> Verified:
        same = found is not None and type(recorded) is type(found) and recorded == found
        return Verified(
            kind=kind,
            name=name,
            result="same" if same else "different",
            recorded=shown(recorded),
            found=shown(found),
        )

    def _lock(self) -> Iterator[Verified]:
        recorded = self.recorded.lock_digest
        found = (self.now.snapshot.lock_digest if self.now else None) or ""
        if recorded and not found:
            yield self._undecided("lock", "dvc.lock", "is not here", _checkout("dvc.lock"))
        elif recorded or found:
            result: Any = "same" if recorded == found else "different"
            yield Verified(
                kind="lock",
                name="dvc.lock",
                result=result,
                recorded=recorded or "none",
                found=found,
            )

    def _stale(self, said: set[str]) -> Iterator[Verified]:
        """What is as the Record says, and not what the model was made from: only some stages have run."""
        found = stale(self.facts.project, self.now, self.hashed) if self.now else ()
        for name in sorted(set(found)):
            if not any(one == name or one.startswith(f"{name}/") for one in said):
                yield Verified(
                    kind="lock",
                    name=name,
                    result="different",
                    recorded="as it is here",
                    found="a stage was run with another one, says dvc.lock",
                    hint=_TRAIN,
                )

    def _environments(self) -> Iterator[Verified]:
        described = {one.path for one in self.recorded.files}
        for lock in self.recorded.environments:
            if not is_inside(lock.path):
                reason = "is not a path inside the repository"
                yield self._undecided("environment", lock.path, reason, "")
            elif lock.path not in described:
                file = verify_files.locked(lock.path, lock.sha256)
                yield from verify_files.verify(self.facts, [file], self.hashed)

    def _source(self) -> Iterator[Verified]:
        commit = self.recorded.commit
        found = self.facts.repository.find(commit)
        if found is None:
            hint = f"git fetch origin {commit}"
            yield self._undecided("source", "commit", f"{commit} is not in this clone", hint)
            return
        tree = self.facts.repository.lines("rev-parse", f"{found.oid}^{{tree}}")[0]
        result: Any = "same" if (found.oid, tree) == (commit, self.recorded.tree) else "different"
        yield Verified(
            kind="source",
            name=f"tree of {found.oid[:7]}",
            result=result,
            recorded=self.recorded.tree,
            found=tree,
        )
        if not self.recorded.of_kind("code"):
            yield from self._changed_since(found.oid)

    def _changed_since(self, commit: str) -> Iterator[Verified]:
        """Where nothing says which code a command runs, it is all that Git has."""
        known = {one.path for one in self.recorded.files}
        for path in changed_since(self.facts.repository, commit):
            if path not in known:
                yield Verified(
                    kind="code",
                    name=path,
                    result="different",
                    recorded=f"as in {commit[:7]}",
                    found="changed",
                    hint=f"git diff {commit[:12]} -- {shell_word(path)}",
                )

    def _unread(self) -> Iterator[Verified]:
        for name in self.recorded.unread:
            reason = "could not be read when the Record was written"
            yield self._undecided("source", name, reason, _TRAIN)

    def _verdict(self, judged: RecordedVerdict) -> Verified:
        """Whether it speaks of these bytes, of this dvc.lock and of this evaluation data."""
        name = f"{judged.result} against {judged.baseline[:7]}"
        if self.now is None:
            reason = f"this repository has no model {visible(self.recorded.model)} now"
            return self._undecided("verdict", name, reason, "")
        model = {one.path: one.digests for one in self.recorded.files if one.path in judged.subject}
        now = self.now.snapshot
        lock = (now.lock_digest or "").removeprefix("sha256:")
        for what, recorded, found in (
            ("bytes", judged.subject, model),
            ("dvc.lock", judged.lock, lock),
            ("evaluation data", judged.evaluation, now.evaluation.digest),
        ):
            if recorded != found:
                said, is_now = f"other {what}", "what is here"
                return Verified(
                    kind="verdict", name=name, result="different", recorded=said, found=is_now
                )
        return Verified(kind="verdict", name=name, result="same")

    def _undecided(self, kind: Any, name: str, reason: str, hint: str) -> Verified:
        return Verified(kind=kind, name=name, result="unknown", reason=reason, hint=hint)

    def _remarks(self) -> Iterator[str]:
        head = self.facts.repository.find("HEAD")
        if head and head.oid != self.recorded.commit:
            yield f"the run began at {self.recorded.commit[:7]}, HEAD is {head.oid[:7]} now"
        if self.recorded.dirty:
            yield f"the run began with changes that no commit has: {', '.join(self.recorded.dirty[:3])}"
        for lock in self.recorded.environments:
            if lock.in_sync != "yes":
                state = "was not what it says" if lock.in_sync == "no" else "was not compared"
                yield f"what was installed {state}: {lock.path}"


def _checkout(path: str) -> str:
    return f"git checkout -- {shell_word(path)}"
