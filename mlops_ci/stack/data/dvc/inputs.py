"""What a stage would read and write now, against what dvc.lock recorded: file by file, param by param."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mlops_ci import formats
from mlops_ci.errors import UnreadableError
from mlops_ci.stack.data.dvc.hashes import Hashes, Unsure, line_end_variants, listing_md5, md5
from mlops_ci.stack.data.dvc.params import changed_params, recorded_params

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.stack.data.dvc.lock import Out
    from mlops_ci.stack.data.dvc.project import Locked, Project

Kind = Literal["never-run", "command", "params", "code", "data", "upstream", "outs", "line-ends"]
DATA_SUFFIXES = frozenset(
    """.csv .tsv .parquet .feather .arrow .jsonl .ndjson .npy .npz .hdf5 .xlsx .xls .zip .gz .tar .tgz .zst .bz2 .png
    .jpg .jpeg .wav .mp3 .flac .sqlite .avro .orc .tfrecord .geojson""".split()
)


class Reason(NamedTuple):
    """Why a stage is stale. `subject`: the file, or `file:key` of a param; `what` goes on from it."""

    kind: Kind
    subject: str
    what: str


class Absent(Exception):  # noqa: N818 - it is an answer
    """Why a dependency cannot be looked at: neither Git nor DVC knows its content here."""


class Inputs:
    """Each method yields what is stale; it raises Absent or Unsure where it cannot tell."""

    def __init__(self, project: Project, hashes: Hashes) -> None:
        self._project = project
        self._tree = project.tree
        self._hashes = hashes
        self._params: dict[str, Any] = {}

    def dep(self, path: str, recorded: Out | None) -> Iterator[Reason]:
        _check_inside(path)
        kind = self._kind(path)
        if recorded is None:
            yield Reason(kind=kind, subject=path, what="is not in dvc.lock")
        elif path in self._tree.entries:
            yield from self._file(kind, path, recorded)
        elif path in self._project.outs:
            yield from self._made(kind, path, recorded, self._project.outs[path])
        elif path in self._project.made:
            raise Absent(f"{self._project.made[path].stage.name}, which makes it, has not run")
        elif self._is_folder(path):
            yield from self._folder(kind, path, recorded)
        elif (enclosing := self._project.content_id(path)) or self._project.maker(path):
            yield from self._inside_folder(kind, path, recorded, enclosing)
        else:
            raise Absent("is neither in Git nor tracked by DVC")

    def _kind(self, path: str) -> Kind:
        if self._project.maker(path):
            return "upstream"
        if path in self._project.pointers or self._project.content_id(path):
            return "data"
        return "data" if posixpath.splitext(path)[1].lower() in DATA_SUFFIXES else "code"

    def _is_folder(self, path: str) -> bool:
        inside = f"{path}/" if path else ""
        return bool(self._tree.below(path)) or any(
            one.startswith(inside) for one in self._project.outs
        )

    def _file(self, kind: Kind, path: str, recorded: Out) -> Iterator[Reason]:
        """A file of Git against what was recorded of it."""
        _check_recorded(recorded)
        content = self._hashes.content(path)
        if md5(content, legacy=recorded.legacy) == recorded.hash:
            return
        if recorded.hash in {md5(one, legacy=False) for one in line_end_variants(content)}:
            yield Reason(kind="line-ends", subject=path, what="was hashed with other line ends")
            return
        yield Reason(kind=kind, subject=path, what="is not the file that was hashed")

    def _folder(self, kind: Kind, path: str, recorded: Out) -> Iterator[Reason]:
        _check_recorded(recorded)
        folder = self._hashes.folder(path, legacy=recorded.legacy)
        if folder.md5() == recorded.hash:
            return
        more = self._hashes.untracked(path)
        if more and folder.with_files(more).md5() == recorded.hash:
            return
        for index in (0, 1):
            if folder.md5(lambda content: line_end_variants(content)[index]) == recorded.hash:  # noqa: B023
                yield Reason(kind="line-ends", subject=path, what="was hashed with other line ends")
                return
        if not more and recorded.files is not None and recorded.files > len(folder):
            count = f"{recorded.files} files were hashed, Git has {len(folder)}"
            raise Unsure(f"{path}: {count}", "dvc status -q")
        yield Reason(kind=kind, subject=path, what="is not the folder that was hashed")

    def _made(self, kind: Kind, path: str, recorded: Out, now: Out) -> Iterator[Reason]:
        """What another stage or a pointer stands for, against what this stage read."""
        if not now.id or not recorded.id:
            raise Unsure(f"{path}: dvc.lock has no hash of it", "dvc status")
        if now.id == recorded.id or (now.hash and now.hash == recorded.hash):
            return
        kinds = [one.id.partition(":")[0] for one in (recorded, now)]
        if kinds[0] != kinds[1]:
            raise Unsure(f"{path}: its hashes are {kinds[0]} and {kinds[1]}", "dvc status")
        yield Reason(kind=kind, subject=path, what=self._newer(kind, path))

    def _newer(self, kind: Kind, path: str) -> str:
        maker = self._project.maker(path)
        if kind == "upstream" and maker:
            return f"was made anew by {maker.stage.name} since"
        return "is not the version that was read"

    def _inside_folder(
        self, kind: Kind, path: str, recorded: Out, enclosing: str
    ) -> Iterator[Reason]:
        if not enclosing:
            raise Absent("the stage that makes its folder has not run")
        folder = next(one for one in _parents(path) if one in self._project.outs)
        out = self._project.outs[folder]
        try:
            listing = self._project.cache.listing(out.hash, folder)
        except UnreadableError as error:
            raise Unsure(str(error), error.hint) from error
        if listing is None:
            raise Unsure(
                f"{path}: the listing of {folder} is not in the DVC cache", f"dvc fetch {folder}"
            )
        if recorded.is_folder or out.legacy != recorded.legacy:
            yield from self._part(kind, path, recorded, listing, folder)
        elif listing.get(posixpath.relpath(path, folder)) != recorded.hash:
            yield Reason(kind=kind, subject=path, what=self._newer(kind, path))

    def _part(
        self, kind: Kind, path: str, recorded: Out, listing: dict[str, str], folder: str
    ) -> Iterator[Reason]:
        start = f"{posixpath.relpath(path, folder)}/"
        part = {name[len(start) :]: one for name, one in listing.items() if name.startswith(start)}
        if not recorded.is_folder or self._project.outs[folder].legacy != recorded.legacy:
            raise Unsure(f"{path}: its two hashes are of different kinds", "dvc status")
        if not part or listing_md5(part) != recorded.hash:
            yield Reason(kind=kind, subject=path, what=self._newer(kind, path))

    def params(
        self, locked: Locked, entry: Any, file: str, keys: list[str] | None
    ) -> Iterator[Reason]:
        _check_inside(file)
        for key, what in changed_params(
            recorded_params(entry, locked.stage.folder).get(file), self._values(file), keys
        ):
            yield Reason(kind="params", subject=f"{file}:{key}" if key else file, what=what)

    def _values(self, file: str) -> Any:
        if file not in self._params:
            try:
                content = self._project.read(file)
                if content is None:
                    raise Absent("is neither in Git nor tracked by DVC")
                self._params[file] = formats.parse(file, content)
            except UnreadableError as error:
                raise Unsure(str(error), error.hint) from error
        return self._params[file]

    def out(self, path: str, recorded: Out | None, uncached: frozenset[str]) -> Iterator[Reason]:
        """Only what Git holds can be looked at; what is in the cache is the data, and no part of this."""
        _check_inside(path)
        if recorded is None:
            yield Reason(kind="outs", subject=path, what="is not in dvc.lock")
        elif path in self._tree.entries:
            yield from self._file("outs", path, recorded)
        elif path in uncached and self._tree.below(path):
            yield from self._folder("outs", path, recorded)


def _check_inside(path: str) -> None:
    if "://" in path or path.startswith(("../", "/")) or path == "..":
        raise Absent("is outside this repository")


def _check_recorded(recorded: Out) -> None:
    if not recorded.hash:
        raise Unsure(f"{recorded.path}: dvc.lock has no MD5 of it", "dvc status")


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
