"""All that DVC knows in one repository at one origin, over all DVC roots and all dvc.yaml files."""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_ci import formats
from mlops_ci.errors import UnreadableError
from mlops_ci.stack.data.dvc import lock
from mlops_ci.stack.data.dvc.cache import Cache, find_cache
from mlops_ci.stack.data.dvc.ignore import without_ignored
from mlops_ci.stack.data.dvc.known import KnownPipelines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlops_ci.git.tree import Tree
    from mlops_ci.model import Unknown
    from mlops_ci.stack.data.dvc.pipeline import Pipeline, Stage

# Formats that a metrics folder may hold beside plots and images.
_METRICS_SUFFIXES = (".json", ".yaml", ".yml", ".toml")


class Locked(NamedTuple):
    """A stage of a dvc.yaml with what dvc.lock recorded of it, None when it has not been run."""

    pipeline: Pipeline
    stage: Stage
    record: lock.LockedStage | None


class Project:
    """`bases`: folders on disk that may hold this repository's `.dvc` folders, and with them its cache.

    `fetch`: given a DVC root and a path, gets content that is neither in Git nor in the cache, or puts it into the
    cache and returns None. Without it nothing is fetched. `known`: shared with the same repository at another origin.
    """

    def __init__(
        self,
        tree: Tree,
        bases: Sequence[str | Path],
        fetch: Callable[[str, str], bytes | None] | None = None,
        known: KnownPipelines | None = None,
    ) -> None:
        self.tree = tree
        self.problems: list[Unknown] = []
        self._bases = bases
        self._fetch = fetch
        self._fetch_failed = ""
        self._known = known or KnownPipelines()

    @cached_property
    def _files(self) -> list[str]:
        named = [path for path in self.tree.entries if "dvc" in path]  # nearly all are not
        return without_ignored(self.tree, sorted(path for path in named if _is_dvc_file(path)))

    @cached_property
    def roots(self) -> list[str]:
        """The folders that hold a `.dvc` folder, innermost first; the root of the repository when there is none."""
        inside = (path.partition(".dvc/")[0] for path in self.tree.entries if ".dvc/" in path)
        found = {prefix.rstrip("/") for prefix in inside if not prefix or prefix.endswith("/")}
        if not found or self.tree.is_folder(".dvc"):
            found.add("")
        return sorted(found, key=lambda root: (-len(root), root))

    @cached_property
    def cache(self) -> Cache:
        places = ((base, root) for base in self._bases for root in self.roots)
        return find_cache([f"{base}/{root}/.dvc" for base, root in places])

    def root_of(self, path: str) -> str:
        return next((r for r in self.roots if not r or path.startswith(f"{r}/")), "")

    @cached_property
    def pipelines(self) -> list[Pipeline]:
        files = [path for path in self._files if not path.endswith(".dvc")]
        folders = [posixpath.dirname(path) for path in files]
        beside = [posixpath.join(f, name) for f in folders for name in ("dvc.lock", "params.yaml")]
        self.tree.expect([*self._files, *beside])
        return [self._known.read(path, self.tree.read) for path in files]

    @cached_property
    def raw_locks(self) -> dict[str, dict[str, Any]]:
        """Path of a dvc.yaml to the stages of its dvc.lock, as written."""
        return {pipeline.path: self._lock_of(pipeline) for pipeline in self.pipelines}

    def _lock_of(self, pipeline: Pipeline) -> dict[str, Any]:
        path = posixpath.join(pipeline.folder, "dvc.lock")
        parsed = self._parse(path)
        stages = lock.locked_stages(parsed)
        if lock.is_malformed(parsed) or not all(isinstance(one, dict) for one in stages.values()):
            self._malformed(path, "stages")
        return {name: entry for name, entry in stages.items() if isinstance(entry, dict)}

    def _malformed(self, path: str, what: str) -> None:
        self._problem(path, f"has no {what} that can be read")

    def _problem(self, path: str, reason: str, hint: str = "") -> None:
        from mlops_ci.model import Unknown

        self.problems.append(Unknown(kind="pipeline", subject=path, reason=reason, hint=hint))

    @cached_property
    def stages(self) -> list[Locked]:
        return [
            Locked(pipeline=pipeline, stage=stage, record=self._record(pipeline, stage))
            for pipeline in self.pipelines
            for stage in pipeline.stages
        ]

    def _record(self, pipeline: Pipeline, stage: Stage) -> lock.LockedStage | None:
        entry = self.raw_locks[pipeline.path].get(stage.name)
        return lock.locked_stage(entry, stage.folder) if entry else None

    @cached_property
    def pointers(self) -> dict[str, lock.Out]:
        """Outputs of `.dvc` files, by path."""
        return {out.path: out for outs in self.pointer_files.values() for out in outs}

    @cached_property
    def pointer_files(self) -> dict[str, tuple[lock.Out, ...]]:
        """Path of a `.dvc` file to its outputs."""
        files = [path for path in self._files if path.endswith(".dvc")]
        known = self.tree.plain(files)
        return {path: self._pointer(path, known.get(path)) for path in files}

    @cached_property
    def _pointed(self) -> list[str]:
        return sorted(self.pointers)

    def pointers_in(self, folder: str) -> list[lock.Out]:
        """Those of one folder, without a look at all others: a repository may have many of both."""
        if not folder:
            return list(self.pointers.values())
        paths = self._pointed
        # "0" is the character after "/".
        below = paths[bisect_left(paths, f"{folder}/") : bisect_left(paths, f"{folder}0")]
        own = [folder] if folder in self.pointers else []
        return [self.pointers[path] for path in own + below]

    @cached_property
    def made(self) -> dict[str, Locked]:
        """Path to the stage that writes it."""
        return {path: locked for locked in self.stages for path in locked.stage.all_outs}

    @cached_property
    def models(self) -> set[str]:
        """Paths that `artifacts:` declare to be models."""
        declared = (one for pipeline in self.pipelines for one in pipeline.artifacts)
        return {one.path for one in declared if one.type == "model"}

    def maker(self, path: str) -> Locked | None:
        """The stage that writes a path, or the folder that the path is in."""
        parts = path.split("/")
        parents = ("/".join(parts[:count]) for count in range(len(parts), 0, -1))
        return next((self.made[parent] for parent in parents if parent in self.made), None)

    @cached_property
    def outs(self) -> dict[str, lock.Out]:
        """Everything that DVC tracks here, by path."""
        made = (out for locked in self.stages if locked.record for out in locked.record.outs)
        return {**self.pointers, **{out.path: out for out in made}}

    def _pointer(self, path: str, content: bytes | None) -> tuple[lock.Out, ...]:
        folder = path.rpartition("/")[0]
        try:
            content = content or self.tree.read(path) or b""
            plain = lock.plain_pointer(content, folder)
        except UnreadableError:
            plain = None  # parsing notes the problem
        return (plain,) if plain else lock.pointer_outs(self._parse(path), folder)

    def _parse(self, path: str) -> Any:
        try:
            content = self.tree.read(path)
            return formats.parse(path, content) if content else None
        except UnreadableError as error:
            self._problem(path, str(error).removeprefix(f"{path}: "), error.hint)
            return None

    def read(self, path: str) -> bytes | None:
        """The content of a file, from Git or disk, else from DVC's cache, else fetched with dvc.

        None when nothing is known of such a file. Raises UnreadableError with the reason.
        """
        if path.startswith(("../", "/")) or "://" in path:
            raise UnreadableError(f"{path}: is outside the repository")
        content = self.tree.read(path)
        return self._read_tracked(path) if content is None else content

    def content_id(self, path: str) -> str:
        """What DVC recorded of a path or of the folder it is in; empty when it is not tracked here."""
        if path in self.outs:
            return self.outs[path].id
        return next((out.id for _, out in self._enclosing(path)), "")

    def recorded_md5(self, path: str) -> tuple[str, bool]:
        """The MD5 that DVC recorded of a file, itself or in its folder, and whether it is of DVC 2; "" when unknown."""
        out = self.outs.get(path)
        if out is not None:
            return ("" if out.is_folder else out.hash), out.legacy
        try:
            return self._md5(path), False
        except UnreadableError:
            return "", False

    def _read_tracked(self, path: str) -> bytes | None:
        if self._fetch and not self._fetch_failed and self._is_unlisted(path):
            content = self._fetch_once(path)  # with the listing of its folder
            if content is not None:
                return content
        md5 = self._md5(path)
        if not md5:
            return None
        content = self.cache.read(md5, path)
        if content is not None:
            return content
        if self._fetch is None or self._fetch_failed:
            missing = f"{path}: is not in the DVC cache ({md5[:8]}…)"
            raise UnreadableError(missing + self._fetch_failed, hint=self._fetch_hint(path))
        return self._fetch_once(path) or self.cache.read(md5, path)

    def _fetch_hint(self, path: str) -> str:
        root = self.root_of(path)
        folder = f"cd {root} && " if root else ""
        if self.tree.label != "work tree":
            return f"{folder}dvc fetch --all-commits"
        return f"{folder}dvc fetch {posixpath.relpath(path, root or '.')}"

    def _fetch_once(self, path: str) -> bytes | None:
        """After one failure nothing more is fetched: the next file would wait for the same remote."""
        assert self._fetch is not None
        try:
            return self._fetch(self.root_of(path), path)
        except UnreadableError as error:
            self._fetch_failed = ", and the remote could not be read"
            raise UnreadableError(str(error), hint=error.hint or self._fetch_hint(path)) from error

    def _md5(self, path: str) -> str:
        out = self.outs.get(path)
        if out is not None:
            if out.is_folder and self._listing(path, out) is None:
                raise self._unlisted(path, path)
            if out.is_folder:
                raise UnreadableError(f"{path}: is a folder, a file is expected")
            return out.hash
        for folder, tracked in self._enclosing(path):
            listing = self._listing(folder, tracked)
            if listing is None:
                raise self._unlisted(path, folder)
            return listing.get(posixpath.relpath(path, folder), "")
        return ""

    def _unlisted(self, path: str, folder: str) -> UnreadableError:
        reason = f"{path}: the listing of {folder} is not in the DVC cache{self._fetch_failed}"
        return UnreadableError(reason, hint=self._fetch_hint(folder))

    def _is_unlisted(self, path: str) -> bool:
        around = () if path in self.outs else self._enclosing(path)
        return any(self._listing(folder, out) is None for folder, out in around)

    def _enclosing(self, path: str) -> list[tuple[str, lock.Out]]:
        parts = path.split("/")
        parents = ["/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
        return [(p, self.outs[p]) for p in parents if p in self.outs and self.outs[p].is_folder]

    def _listing(self, folder: str, out: lock.Out) -> dict[str, str] | None:
        return self.cache.listing(out.hash, folder)

    def expand(self, path: str) -> list[str]:
        """A metrics or params path; a folder stands for the files in it that can be read as such."""
        inner = self.files(path)
        if inner == [path]:
            return inner
        found = [file for file in inner if file.endswith(_METRICS_SUFFIXES)]
        if not found:
            raise UnreadableError(f"{path}: is a folder without JSON, YAML or TOML files")
        return found

    def files(self, path: str) -> list[str]:
        """The files of a folder, sorted; of everything else the path itself."""
        out = self.outs.get(path)
        tracked = self._listing(path, out) if out is not None and out.is_folder else None
        if tracked is None and not self.tree.is_folder(path):
            return [path]
        inner = {posixpath.join(path, name) for name in tracked or ()} | set(self.tree.walk(path))
        return sorted(inner)


def _is_dvc_file(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    named = name == "dvc.yaml" or (name.endswith(".dvc") and name != ".dvc")
    return named and "/.dvc/" not in f"/{folder}/"
