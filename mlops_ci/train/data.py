"""The data that a run needs: brought from the remote where it is missing, and never believed unseen.

DVC takes what a remote sends for what it asked for: a damaged object arrives with exit code 0, and `dvc status` then
says that all is well. So everything that comes is hashed here.
"""

from __future__ import annotations

import posixpath
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from mlops_ci.errors import StoppedError, ToolError, UnreadableError
from mlops_ci.frozen import dataclass
from mlops_ci.lineage.hashing import Digests, Folder, hash_paths
from mlops_ci.process import environment_outside_git
from mlops_ci.stack.data.dvc.hashes import md5
from mlops_ci.stack.data.dvc.ignore import without_ignored
from mlops_ci.text import plural, shell_word, visible
from mlops_ci.train import remotes
from mlops_ci.train.child import follow
from mlops_ci.train.order import address
from mlops_ci.train.pipeline import KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mlops_ci.lineage.hashing import Seen
    from mlops_ci.stack.data.dvc import Out, Project
    from mlops_ci.train.output import Output
    from mlops_ci.train.place import Place

_SHOWN = 5
# More than this on a command line, and all that is missing is asked for at once.
_TARGETS = 200
_NO_REMOTE = "no remote specified"


@dataclass(frozen=True, kw_only=True)
class Data:
    """`changed`: inputs that are not what is committed. `missing`: inputs that could not be had."""

    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def provide(
    place: Place,
    dvc: str | None,
    stage: str,
    output: Output,
    read: Sequence[str] | None = None,
) -> Data:
    """`read`: what a command reads instead of stages; where it names nothing, that may be all.

    Raises ToolError when the remote cannot be asked, or sends other bytes than were recorded.
    """
    inputs, results = _wanted(place.project, stage)
    if read is not None:
        known = _cached(place.project.pointers)
        named = {one.rstrip("/") for one in read} or known.keys()
        inputs, results = {path: out for path, out in known.items() if _touches(path, named)}, {}
    absent = {
        path: out for path, out in {**results, **inputs}.items() if not _is_there(place, path)
    }
    if absent and dvc:
        _bring(place, dvc, sorted(absent), output)
        brought = {path: out for path, out in absent.items() if _is_there(place, path)}
        _refuse_damaged(place, brought)
    present = {path: out for path, out in inputs.items() if path not in absent}
    changed = different(place.root, place.project, present, place.seen)
    missing = tuple(sorted(path for path in inputs if not _is_there(place, path)))
    return Data(changed=tuple(sorted(changed)), missing=missing)


def different(
    root: Path, project: Project, recorded: Mapping[str, Out], seen: Seen | None = None
) -> dict[str, str]:
    """What is there and not what DVC recorded: path to the hash that it has now, or why it cannot be read."""
    plain = {path: out for path, out in recorded.items() if out.hash and not out.legacy}
    found = {}
    for path, hashed in hash_paths(root, plain, project.cache.owns, seen).items():
        if isinstance(hashed, Folder):
            now = f"{_visible(project, path, hashed).md5}.dir"
        else:
            now = hashed.md5 if isinstance(hashed, Digests) else str(hashed)
        if now != plain[path].hash:
            found[path] = now
    old = (path for path, out in recorded.items() if out.legacy and not out.is_folder)
    return found | {
        path: now
        for path in old
        if (now := md5((root / path).read_bytes(), legacy=True)) != recorded[path].hash
    }


def _visible(project: Project, path: str, folder: Folder) -> Folder:
    """Without what .dvcignore hides from DVC."""
    names = {posixpath.join(path, name): name for name in folder.files}
    seen = without_ignored(project.tree, list(names))
    return Folder(files={names[one]: folder.files[names[one]] for one in seen})


def _wanted(project: Project, stage: str) -> tuple[dict[str, Out], dict[str, Out]]:
    """What must be there, and what spares work when it is. For one stage alone: what it reads."""
    stages = [one for one in project.stages if not stage or address(one) == stage]
    made = {
        out.path: out
        for one in project.stages
        if one.record
        for out in one.record.outs
        if out.hash and out.path not in one.stage.uncached
    }
    if not stage:
        return _cached(project.pointers), made
    read = {dep for one in stages for dep in one.stage.deps}
    known = {**_cached(project.pointers), **made}
    return {path: out for path, out in known.items() if _touches(path, read)}, {}


def _cached(pointers: Mapping[str, Out]) -> dict[str, Out]:
    return {path: out for path, out in pointers.items() if out.hash and out.cached}


def _touches(path: str, read: Iterable[str]) -> bool:
    return any(
        path == dep or path.startswith(f"{dep}/") or dep.startswith(f"{path}/") for dep in read
    )


def _is_there(place: Place, path: str) -> bool:
    return (place.root / path).exists()


def _bring(place: Place, dvc: str, paths: list[str], output: Output) -> None:
    names = ", ".join(map(visible, paths[:_SHOWN])) + (" …" if len(paths) > _SHOWN else "")
    output.say(f"fetching {plural(len(paths), 'output')}: {names}")
    with remotes.project(place) as folder:
        for root in place.project.roots:
            own = [_inner(path, root) for path in paths if place.project.root_of(path) == root]
            if own:
                _fetch(dvc, folder / root, own, output)
                _check_out(dvc, place.root / root, own, output)
                if not all((place.root / root / path).exists() for path in own):
                    remotes.check_reachable(folder / root)


def _fetch(dvc: str, folder: Path, paths: list[str], output: Output) -> None:
    """What the remote lacks is no error for DVC, and neither is a server that does not answer."""
    targets = ["--", *paths] if len(paths) <= _TARGETS else []
    error = run_dvc([dvc, "fetch", "--run-cache", *targets], folder, output)
    if error and _NO_REMOTE not in error:
        raise ToolError(f"data cannot be fetched: {error}", hint="dvc fetch -v")


def _check_out(dvc: str, folder: Path, paths: list[str], output: Output) -> None:
    for start in range(0, len(paths), _TARGETS):
        chunk = paths[start : start + _TARGETS]
        run_dvc([dvc, "checkout", "--allow-missing", "--quiet", "--", *chunk], folder, output)


def _inner(path: str, root: str) -> str:
    return posixpath.relpath(path, root) if root else path


def run_dvc(command: list[str], folder: Path, output: Output) -> str:
    """DVC's reason when it fails, else ""."""
    lines: list[str] = []
    env = environment_outside_git(DVC_NO_ANALYTICS="1")
    ended = follow(command, cwd=folder, env=env, line=lines.append)
    if ended.stopped:
        what = f"stopped by {ended.stopped} during dvc {command[1]}; {KEPT}"
        raise StoppedError(what, signal=ended.stopped)
    if not ended.returncode:
        return ""
    errors = [line for line in lines if line.startswith("ERROR:")]
    reason = (errors or lines or [f"exit code {ended.returncode}"])[-1]
    return output.masked(visible(reason.removeprefix("ERROR:").strip(), 500))


def _refuse_damaged(place: Place, brought: Mapping[str, Out]) -> None:
    wrong = different(place.root, place.project, brought, place.seen)
    if not wrong:
        return
    for path in wrong:
        _discard(place, path, brought[path])
    path, now = next(iter(sorted(wrong.items())))
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    raise ToolError(
        f"{visible(path)}: the DVC cache or remote has other bytes than DVC recorded: {visible(now)}, recorded is "
        f"{brought[path].hash}{more}; they are removed from here",
        hint="run again; if the remote has them: delete that object there, and dvc push from where the right one is",
    )


def _discard(place: Place, path: str, out: Out) -> None:
    """The next run must find it neither in its place nor in the cache."""
    cache, file = place.project.cache, place.root / path
    damaged = {out.hash}
    if out.is_folder:
        with suppress(UnreadableError):
            listed = cache.listing(out.hash, path) or {}
            damaged = {md5 for name, md5 in listed.items() if not holds(file / name, md5)}
    for object_ in filter(None, map(cache.find, damaged)):
        object_.unlink()
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)
    else:
        file.unlink(missing_ok=True)


def holds(file: Path, digest: str) -> bool:
    """Whether its bytes have this MD5."""
    found = hash_paths(file.parent, [file.name], lambda _: True)[file.name]
    return isinstance(found, Digests) and found.md5 == digest


def refuse_missing(place: Place, data: Data, on_missing: str, output: Output) -> None:
    if not data.missing:
        return
    names = " ".join(map(shell_word, data.missing[:_SHOWN]))
    what = f"{plural(len(data.missing), 'input')} cannot be had: {names}"
    if on_missing == "refuse":
        hint = f"dvc push it from where it is, then: dvc pull {names}"
        raise ToolError(
            f"{what}; without it nothing can be trained", hint=remotes.way_out(place) or hint
        )
    output.say(f"{what}; stages that need it do not run, and the Record says so")
