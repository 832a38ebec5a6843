"""The work tree as the facts of a Record: read in one way when it is written and when it is verified."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mlops_ci import config as configuration
from mlops_ci import formats, snapshot
from mlops_ci.errors import UnreadableError, UsageError
from mlops_ci.evidence import models_made
from mlops_ci.frozen import dataclass
from mlops_ci.git import Repository
from mlops_ci.git.tree import CommitTree, WorkTree
from mlops_ci.git.unstaged import hidden
from mlops_ci.lineage import redaction
from mlops_ci.lineage.hashing import Folder, Hashed, Seen, hash_paths
from mlops_ci.model import Origin, Snapshot
from mlops_ci.models import ModelFiles, find_models, repository_name
from mlops_ci.stack.data import dvc
from mlops_ci.stack.data.dvc.ignore import is_always_ignored
from mlops_ci.tracking import Tracking

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlops_ci.model import Value


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """One model: what was measured, which outputs are the model itself, all outputs, metrics and dvc.yaml files."""

    snapshot: Snapshot
    model_paths: tuple[str, ...]
    outputs: tuple[str, ...]
    metrics: tuple[str, ...]
    pipelines: tuple[str, ...] = ()

    @property
    def params(self) -> dict[str, dict[str, Value]]:
        """File, then dotted name; values as they are recorded."""
        found: dict[str, dict[str, Value]] = {}
        for one in self.snapshot.params:
            found.setdefault(one.source, {})[one.name] = redaction.param(one.name, one.value)
        return found

    def values(self, path: str) -> dict[str, Value]:
        """The metrics of one file."""
        return {one.name: one.value for one in self.snapshot.metrics if one.source == path}


def versioned(found: Hashed) -> Hashed:
    """A folder without what belongs to a clone in it, such as a submodule: that is another one in each place."""
    if not isinstance(found, Folder):
        return found
    kept = {name: one for name, one in found.files.items() if not is_always_ignored(name)}
    return Folder(files=kept)


class WorkTreeFacts:
    """`root`: any folder of the repository. `seen`: what was hashed before, and is not read again."""

    def __init__(self, root: Path, seen: Seen | None = None) -> None:
        self._seen = seen
        self.repository = Repository.discover(root)
        if self.repository.root is None:
            raise UsageError(
                "a bare repository has no work tree", hint="git clone it, and run this there"
            )
        self.root = self.repository.root
        self.tree = WorkTree(self.repository, self.root)
        self.project = dvc.Project(self.tree, [self.root, self.repository.git_dir.parent])
        self.tree.may_link_to = self.project.cache.owns

    def models(self, head: str) -> list[ModelFacts]:
        """Every model of the repository; none where no dvc.yaml and no config name one."""
        name = repository_name(self.repository.origin_url, self.root.name)
        found = find_models([self.project], configuration.load(self.tree.read), name)
        origin = Origin(rev="work tree", commit=None, head=head)
        # Without a tracker: the run that was made is known, and none has to be looked for.
        tracking = Tracking(config=None, trusted=lambda: None, root=None, alone=True)
        taken = snapshot.take(self.project, found, origin, tracking)
        return [self._facts(*pair) for pair in zip(found, taken, strict=True)]

    def _facts(self, model: ModelFiles, taken: Snapshot) -> ModelFacts:
        stages = [one for one in self.project.stages if one.pipeline.folder in model.folders]
        measured = {path for one in stages for path in one.stage.metrics}
        measured |= {one.source for one in taken.metrics}
        made = {path for one in stages for path in one.stage.all_outs} - measured
        return ModelFacts(
            snapshot=taken,
            model_paths=tuple(sorted(models_made(self.project, stages) & made)),
            outputs=tuple(sorted(made)),
            metrics=tuple(sorted(measured)),
            pipelines=tuple(sorted({one.pipeline.path for one in stages})),
        )

    def values(self, path: str) -> dict[str, Value]:
        """What a metrics file says that no dvc.yaml names; nothing for one that cannot be read as one."""
        try:
            values = formats.parse(path, self.tree.read(path) or b"")
        except UnreadableError:
            return {}
        return dict(formats.flatten(values, snapshot.stem_of(path, values)))

    def hashes(self, paths: Iterable[str]) -> dict[str, Hashed]:
        found = hash_paths(self.root, paths, self.project.cache.owns, self._seen)
        return {path: versioned(one) for path, one in found.items()}

    def blobs(self, paths: Iterable[str]) -> dict[str, str]:
        known = self.tree.blobs(sorted(paths))
        return {path: self._hidden.get(path, oid) for path, oid in known.items()}

    @cached_property
    def _hidden(self) -> dict[str, str]:
        return hidden(self.tree)

    def committed(self, commit: str) -> CommitTree:
        return CommitTree(self.repository, commit)
