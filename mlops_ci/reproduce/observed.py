"""What a work tree holds of its pipeline's results: before a run, what was recorded; after it, what it gave."""

from __future__ import annotations

import posixpath
from dataclasses import field
from typing import TYPE_CHECKING

from mlops_ci import formats
from mlops_ci.errors import UnreadableError
from mlops_ci.frozen import dataclass
from mlops_ci.lineage.hashing import Digests, Folder, Hashed, hash_paths
from mlops_ci.lineage.worktree import versioned
from mlops_ci.train.dirt import is_byproduct

if TYPE_CHECKING:
    from mlops_ci.record import Provenance
    from mlops_ci.stack.data.dvc import Locked, Out, Project
    from mlops_ci.train.place import Place
    from mlops_ci.train_config import TrainConfig

Values = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Observed:
    """`hashes`: MD5 by path; `values`: numbers by metrics file and name; `unread`: metrics files without values."""

    hashes: dict[str, str]
    values: dict[str, Values]
    unread: dict[str, str] = field(default_factory=dict)


def recorded(place: Place, settings: TrainConfig, record: list[Provenance]) -> Observed:
    """From dvc.lock and the metrics files in Git; where there is no pipeline, from the Record."""
    hashes = {
        out.path: out.hash
        for locked in place.project.stages
        for out in (locked.record.outs if locked.record else ())
    }
    if settings.command is not None:
        every = (file for one in record for file in one.of_kind("model", "output", "metrics"))
        files = [file for file in every if not file.folder]
        hashes = {file.path: _recorded_md5(file.digests) for file in files}
    values, unread = _values(place, metrics_files(place.project, settings))
    for one in record:
        for file in one.of_kind("metrics"):
            if file.path in unread:
                values[file.path] = _numbers(file.values)
                del unread[file.path]
    return Observed(hashes=hashes, values=values, unread=unread)


def _recorded_md5(digests: dict[str, str]) -> str:
    return digests.get("md5", "") + (".dir" if "dirHash" in digests else "")


def found(place: Place, settings: TrainConfig) -> Observed:
    paths = [path for one in place.project.stages for path in one.stage.all_outs]
    paths += [*settings.outputs, *settings.metrics]
    hashed = hash_paths(place.root, paths, place.project.cache.owns)
    values, unread = _values(place, metrics_files(place.project, settings))
    hashes = {path: md5_of(versioned(one)) for path, one in hashed.items()}
    return Observed(hashes=hashes, values=values, unread=unread)


def metrics_files(project: Project, settings: TrainConfig) -> list[str]:
    return [*(path for one in project.stages for path in one.stage.metrics), *settings.metrics]


def inputs_that_differ(place: Place, locked: Locked) -> list[str]:
    """Dependencies that nothing in the pipeline makes and that are not what the stage was recorded with."""
    outs = [out for out in (locked.record.deps if locked.record else ()) if out.hash]
    outer = [out for out in outs if not out.legacy and place.project.maker(out.path) is None]
    now = hash_paths(place.root, [out.path for out in outer], place.project.cache.owns)
    return [out.path for out in outer if _differs(out, versioned(now[out.path]))]


def _differs(recorded: Out, found: Hashed) -> bool:
    """DVC hashes with a folder of code what Python has compiled in it, which proves nothing: it is never the same."""
    if not isinstance(found, Folder):
        return md5_of(found) not in ("", recorded.hash)
    source = {
        name: one
        for name, one in found.files.items()
        if not is_byproduct(posixpath.join(recorded.path, name))
    }
    if recorded.hash in (md5_of(found), md5_of(Folder(files=source))):
        return False
    return recorded.files is None or recorded.files <= len(source)


def _values(place: Place, paths: list[str]) -> tuple[dict[str, Values], dict[str, str]]:
    values, unread = {}, {}
    for path in dict.fromkeys(paths):
        try:
            content = place.project.read(path)
            if content is None:
                unread[path] = "is not in Git, and nothing else says what it was"
            else:
                values[path] = _numbers(dict(formats.flatten(formats.parse(path, content))))
        except UnreadableError as error:
            unread[path] = str(error)
    return values, unread


def _numbers(values: dict[str, object]) -> Values:
    """Non-finite numbers are text in a Record."""
    words = {"NaN", "Infinity", "-Infinity"}
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, (int, float, str)) and not isinstance(value, bool)
        if not isinstance(value, str) or value in words
    }


def md5_of(found: Hashed) -> str:
    """As DVC writes it; "" for what cannot be read."""
    if isinstance(found, UnreadableError):
        return ""
    return f"{found.md5}.dir" if isinstance(found, Folder) else _plain(found)


def _plain(found: Digests) -> str:
    return found.md5
