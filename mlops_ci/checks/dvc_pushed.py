"""Objects that pushed DVC files stand for and that no DVC remote has."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlops_ci import formats
from mlops_ci.checks.ask_dvc import find_program, in_ci
from mlops_ci.checks.mentions import is_dvc_file, is_lock
from mlops_ci.errors import UnreadableError
from mlops_ci.finding import Finding
from mlops_ci.frozen import dataclass
from mlops_ci.stack.data.dvc import Project
from mlops_ci.stack.data.dvc.cloud import NoRemoteError, not_on_remote
from mlops_ci.stack.data.dvc.cloud import Object as CloudObject
from mlops_ci.stack.data.dvc.lock import pointer_outs
from mlops_ci.text import shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Scope
    from mlops_ci.checks.pushed import Pushed, Written
    from mlops_ci.git.tree import CommitTree
    from mlops_ci.stack.data.dvc import Cache, Locked, Out

ID = "data-pushed"
# More commits than this are not looked at one by one.
_COMMITS = 200
_WHY = "Whoever gets this commit cannot get the data: dvc pull fails, on other machines and in CI."


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An object and who needs it. `target`: as `dvc push` calls it in `root`; `here`: HEAD has it too."""

    object: CloudObject
    path: str
    file: str
    target: str
    root: str
    commit: str
    here: bool


def find(scope: Scope, pushed: Pushed) -> Iterator[Finding]:
    written = [one for one in pushed.written if _is_pointer(one.path) or is_lock(one.path)]
    commits = list(dict.fromkeys([*pushed.tips, *(one.commit for one in written)]))
    kept = set(commits[:_COMMITS])
    if len(commits) > _COMMITS:
        yield _undecided("", f"{len(commits) - _COMMITS:,} older commits were not looked at")
    reader = _Reader(scope, pushed)
    claims: dict[tuple[CloudObject, str], Claim] = {}
    for one in written:
        if one.commit in kept:
            try:
                for claim in reader.claims(one):
                    known = claims.get((claim.object, claim.root))
                    if known is None or (claim.here and not known.here):
                        claims[claim.object, claim.root] = claim
            except UnreadableError as error:
                yield _undecided(one.path, str(error).removeprefix(f"{one.path}: "), error.hint)
    by_root: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims.values():
        by_root[claim.root].append(claim)
    for root, own in by_root.items():
        yield from _judge(scope, root, own, reader.cache)


def _is_pointer(path: str) -> bool:
    return is_dvc_file(path) and path.endswith(".dvc")


class _Reader:
    def __init__(self, scope: Scope, pushed: Pushed) -> None:
        self._scope = scope
        self._pushed = pushed
        self._projects: dict[str, Project] = {}

    @cached_property
    def _head(self) -> CommitTree | None:
        """What `dvc push` sees without more options."""
        head = self._scope.repository.find("HEAD")
        return self._pushed.tree(head.oid) if head else None

    @property
    def cache(self) -> Cache:
        return self._project(self._pushed.tips[0]).cache

    def _project(self, commit: str) -> Project:
        root = self._scope.repository.root
        if commit not in self._projects:
            bases = [root] if root else []
            self._projects[commit] = Project(self._pushed.tree(commit), bases)
        return self._projects[commit]

    def claims(self, one: Written) -> Iterator[Claim]:
        """What this commit wrote anew. Raises UnreadableError."""
        project = self._project(one.commit)
        root = project.root_of(one.path)
        here = self._head is not None and self._head.entries.get(one.path) == one.blob
        outs = self._pointer(one) if _is_pointer(one.path) else self._lock(one, project)
        before = self._ids(one)
        for out, target, remote in outs:
            if out.hash and out.id not in before:
                yield Claim(
                    object=CloudObject(md5=out.hash, legacy=out.legacy, remote=remote),
                    path=out.path,
                    file=one.path,
                    target=_relative(target, root),
                    root=root,
                    commit=one.commit,
                    here=here,
                )

    def _ids(self, one: Written) -> set[str]:
        """What the file before stood for: that has been pushed with its own commit."""
        if not one.old:
            return set()
        try:
            body = self._parsed(one.path, one.old)
        except UnreadableError:
            return set()
        entries = body.get("stages", {}) if is_lock(one.path) else {"": body}
        return {
            out.id
            for entry in (entries.values() if isinstance(entries, dict) else ())
            for out in pointer_outs(entry, "")
        }

    def _parsed(self, path: str, blob: str) -> dict[str, Any]:
        body = formats.parse(path, self._scope.repository.objects.read(blob))
        if not isinstance(body, dict):
            raise UnreadableError(f"{path}: is not a mapping")
        return body

    def _pointer(self, one: Written) -> Iterator[tuple[Out, str, str]]:
        body = self._parsed(one.path, one.blob)
        deps = body.get("deps")
        for dep in deps if isinstance(deps, list) else ():
            if isinstance(dep, dict) and "repo" in dep:
                return  # dvc import: DVC gets it from the other repository
        entries = body.get("outs") or []
        raw = [one for one in entries if isinstance(one, dict) and one.get("path")]
        outs = pointer_outs(body, posixpath.dirname(one.path))
        for out, entry in zip(outs, raw, strict=True):
            if out.cached and entry.get("push") is not False:
                yield out, one.path, str(entry.get("remote") or "")

    def _lock(self, one: Written, project: Project) -> Iterator[tuple[Out, str, str]]:
        folder = posixpath.dirname(one.path)
        pipeline = posixpath.join(folder, "dvc.yaml")
        own = [locked for locked in project.stages if locked.pipeline.path == pipeline]
        for problem in project.problems:
            if problem.subject == one.path:
                raise UnreadableError(problem.reason, hint=problem.hint)
        for other in project.pipelines:
            if other.path == pipeline and other.problems:
                raise UnreadableError(f"{pipeline}: {other.problems[0].reason}")
        for locked in own:
            yield from _of_stage(locked)


def _of_stage(locked: Locked) -> Iterator[tuple[Out, str, str]]:
    stage = locked.stage
    target = f"{locked.pipeline.path}:{stage.name}"
    for out in locked.record.outs if locked.record else ():
        if out.path in stage.all_outs and out.path not in stage.uncached | stage.unpushed:
            yield out, target, stage.remotes.get(out.path, "")


def _relative(target: str, root: str) -> str:
    inner = target[len(root) + 1 :] if root else target
    return inner.removeprefix("dvc.yaml:")


def _judge(scope: Scope, root: str, claims: list[Claim], cache: Cache) -> Iterator[Finding]:
    folder = scope.repository.root
    if folder is None or in_ci():
        yield _unasked(
            claims, "dvc is not asked in CI, where it would read a config that anybody can write"
        )
        return
    program = find_program(scope, folder)
    if program is None:
        yield _unasked(claims, "no dvc was found to ask the remote")
        return
    try:
        absent = not_on_remote(
            program, folder / root / ".dvc", cache, [one.object for one in claims]
        )
    except NoRemoteError as error:
        yield _no_remote(claims, error)
    except UnreadableError as error:
        yield _unasked(claims, str(error))
    else:
        groups: dict[tuple[str, bool, str], list[Claim]] = defaultdict(list)
        for claim in claims:
            if where := absent.get(claim.object):
                groups[where, claim.here, claim.object.remote].append(claim)
        for (place, _, _), own in groups.items():
            yield _absent(own, place)


def _absent(claims: list[Claim], where: str) -> Finding:
    first = claims[0]
    paths = _some([one.path for one in claims])
    here = "" if where == "cache" else ", and not in the cache either"
    when = "" if first.here else f" as other commits have it, the last {first.commit[:10]},"
    return Finding(
        rule=f"{ID}/dvc",
        path=first.file,
        what=f"not on the DVC remote{here}:{when} {paths}",
        why=_WHY,
        fix=_push(claims) if where == "cache" else _find(claims),
    )


def _push(claims: list[Claim]) -> str:
    """With --all-commits, DVC skips each commit that does not have all targets: one at a time then."""
    first = claims[0]
    words = [shell_word(one) for one in dict.fromkeys(claim.target for claim in claims)]
    remote = [f"--remote {shell_word(first.object.remote)}"] if first.object.remote else []
    command = " ".join(["dvc push", *remote])
    commands = [f"{command} --all-commits {word}" for word in words]
    if first.here:
        commands = [" ".join([command, *words])]
    return " && ".join([*([f"cd {shell_word(first.root)}"] if first.root else []), *commands])


def _find(claims: list[Claim]) -> str:
    return f"{_push(claims)}   # on the machine that made it; or make it anew: dvc repro, dvc add"


def _some(paths: list[str], most: int = 5) -> str:
    paths = list(dict.fromkeys(paths))
    more = f" and {len(paths) - most:,} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more


def _no_remote(claims: list[Claim], error: NoRemoteError) -> Finding:
    return Finding(
        rule=f"{ID}/dvc",
        path=claims[0].file,
        what=f"{_some([one.path for one in claims])}: {error}, so nobody else can get it",
        why=_WHY,
        fix=f"{error.hint} && {_push(claims)}",
    )


def _unasked(claims: list[Claim], why: str) -> Finding:
    subjects = _some([one.path for one in claims])
    return _undecided(claims[0].file, f"{why} ({subjects})", _status(claims))


def _status(claims: list[Claim]) -> str:
    return _push(claims).replace("dvc push", "dvc status --cloud")


def _undecided(path: str, why: str, fix: str = "") -> Finding:
    return Finding(rule=ID, path=path, what=why, why=_WHY, fix=fix, undecided=True)
