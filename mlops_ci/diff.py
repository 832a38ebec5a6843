"""From a repository and two names to a Comparison."""

from __future__ import annotations

import dataclasses
import posixpath
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from mlops_ci import config as configuration
from mlops_ci import snapshot, text
from mlops_ci.baseline import MAX_WALK, find_baseline, usual_ref
from mlops_ci.compare import compare
from mlops_ci.errors import ConfigError, UnreadableError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.gate_inputs import Sides, with_records
from mlops_ci.git import Repository
from mlops_ci.git.tree import CommitTree, WorkTree
from mlops_ci.model import Baseline, Comparison, ModelComparison, Note, Origin, Snapshot
from mlops_ci.models import ModelFiles, find_models, repository_name
from mlops_ci.stack.data import dvc
from mlops_ci.tracking import Tracking

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_ci.config import Config
    from mlops_ci.git import Commit
    from mlops_ci.git.tree import Tree

_Pairs: TypeAlias = "list[tuple[Snapshot, Snapshot]]"


@dataclass(frozen=True, kw_only=True)
class Request:
    """`base` and `head` are revisions; without `head` the candidate is the work tree.

    `exact`: compare with `base` itself, not with the merge base. `fetch`: content that is neither in Git nor in
    DVC's cache may be fetched with the project's own dvc. `models`: only these; all when empty. `plots`: also what
    these show, which the verdict does not need; `gates`: what these judge by; `tracked`: what a tracker logged.
    `branch`: stands before the `baseline.ref` of any config.
    """

    start: Path
    base: str | None = None
    head: str | None = None
    config: Path | None = None
    models: tuple[str, ...] = ()
    exact: bool = False
    fetch: bool = True
    plots: bool = False
    gates: bool = False
    tracked: bool = True
    branch: str | None = None


def diff(request: Request, repository: Repository | None = None) -> Comparison:
    """Raises UsageError, ConfigError or ToolError; a file that cannot be read is a note, not an error."""
    return _Diff(request, repository).comparison()


def read_config(request: Request, repository: Repository) -> Config | None:
    """The config of the candidate, or the one that the request names."""
    return _Diff(request, repository).config


def branch_of(request: Request, own: Config | None, repository: Repository) -> str | None:
    """The `baseline.ref` that counts: that of main where main has a config. A change could name a branch of its own,
    with weaker gates, worse metrics and another remote.
    """
    named = own.baseline.ref if own else None
    usual = usual_ref(repository)
    if request.branch or request.config or named is None or usual is None:
        return request.branch or named
    try:
        known = configuration.load(CommitTree(repository, repository.commit(usual).oid).read)
    except (ConfigError, UnreadableError):
        return None
    return known.baseline.ref if known else named


class _Diff:
    def __init__(self, request: Request, repository: Repository | None = None) -> None:
        self.request = request
        self.repository = repository or Repository.discover(request.start)
        self.head = self._head()
        self.tree = self._candidate_tree()
        self.config = self._config()
        self._pipelines = dvc.KnownPipelines()
        self.candidate = self._project(self.tree)
        self.alone = True

    def comparison(self) -> Comparison:
        baseline = self.baseline
        base = self._project(CommitTree(self.repository, baseline.origin.commit or ""))
        models = self._models(base)
        new = self._take(self.candidate, models, self._origin())
        old = self._take(base, models, baseline.origin)
        note = None
        measured = any(one.metrics for one in new)
        if measured and not self.request.exact and not any(_was_measured(one) for one in old):
            baseline, old, note = self._walk_back(baseline, old)
            base = self._project(CommitTree(self.repository, baseline.origin.commit or ""))
        pairs = list(zip(old, new, strict=True))
        if self.request.gates:
            pairs = with_records(self.repository, self.config, pairs)
        compared = [
            self._compare(model, *pair, note) for model, pair in zip(models, pairs, strict=True)
        ]
        if self.request.plots:
            compared = self._drawn(compared, base, pairs)
        if self.request.gates:
            compared = self._sides(base).add_to(compared, models, pairs)
        return Comparison(baseline=baseline, candidate=self._origin(), models=tuple(compared))

    def _sides(self, base: dvc.Project) -> Sides:
        slices = self.config.slice_columns if self.config else ()
        return Sides(repository=self.repository, base=base, head=self.candidate, slices=slices)

    def _drawn(
        self,
        models: list[ModelComparison],
        base: dvc.Project,
        pairs: _Pairs,
    ) -> list[ModelComparison]:
        from mlops_ci import plot_changes

        drawn = plot_changes.between(base, self.candidate, pairs)
        return [dataclasses.replace(one, plots=own) for one, own in zip(models, drawn, strict=True)]

    def _head(self) -> Commit:
        if self.repository.root is None and self.request.head is None:
            raise UsageError(
                "a bare repository has no work tree to compare",
                hint="name both revisions: mlops-ci diff main HEAD",
            )
        return self.repository.commit(self.request.head or "HEAD")

    def _candidate_tree(self) -> Tree:
        if self.request.head is not None or self.repository.root is None:
            return CommitTree(self.repository, self.head.oid)
        return WorkTree(self.repository, self.repository.root)

    def _origin(self) -> Origin:
        if self.request.head is not None:
            return Origin(rev=self.request.head, commit=self.head.oid)
        return Origin(rev="work tree", commit=None, head=self.head.oid)

    def _config(self) -> Config | None:
        if self.request.config is None:
            return configuration.load(self.tree.read)
        path = self.request.config
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist"
            raise UsageError(f"{path} {what}", hint="mlops-ci diff --config PATH")
        folder = path.parent

        def read(name: str) -> bytes | None:
            file = folder / name
            return file.read_bytes() if file.is_file() else None

        return configuration.load(read, path.name)

    def _baseline(self) -> Baseline:
        return find_baseline(
            self.repository,
            self.head,
            named=self.request.base,
            configured=branch_of(self.request, self.config, self.repository),
            clean=not isinstance(self.tree, WorkTree) or not self.tree.changed_since_commit,
            exact=self.request.exact,
        )

    def _project(self, tree: Tree) -> dvc.Project:
        if self.repository.root is None:
            return dvc.Project(tree, [])
        main = self.repository.git_dir.parent  # where a linked work tree's cache is
        project = dvc.Project(
            tree,
            [self.repository.root, main],
            self._fetcher(tree) if self.request.fetch else None,
            self._pipelines,
        )
        if isinstance(tree, WorkTree):
            tree.may_link_to = project.cache.owns
        return project

    def _fetcher(self, tree: Tree) -> Callable[[str, str], bytes | None]:
        commit = tree.commit if isinstance(tree, CommitTree) else None

        def fetch(dvc_root: str, path: str) -> bytes | None:
            root = self.repository.root
            assert root is not None
            self._check_remotes(dvc_root, path)
            configured = self.trusted_config.data.dvc if self.trusted_config else None
            program = dvc.find_dvc(root, self.repository.is_tracked, configured)
            if program is None:
                raise UnreadableError(f"{path}: is not in the DVC cache, and dvc is not installed")
            return dvc.fetch(program, root, dvc_root, path, commit)

        return fetch

    @cached_property
    def trusted_config(self) -> Config | None:
        """The config that the change under review cannot have written: that of the baseline's branch."""
        if self.request.config is not None:
            return self.config
        try:
            return configuration.load(CommitTree(self.repository, self.baseline.tip).read)
        except ConfigError:
            return None

    @cached_property
    def baseline(self) -> Baseline:
        return self._baseline()

    def _check_remotes(self, dvc_root: str, path: str) -> None:
        """A change that edits `.dvc/config` could send the credentials for the remote anywhere."""
        config = posixpath.join(dvc_root, ".dvc/config")
        known = CommitTree(self.repository, self.baseline.tip).entries.get(config)
        if known != self.tree.blobs([config]).get(config) or self._is_redirected(dvc_root):
            raise UnreadableError(
                f"{path}: is not in the DVC cache, and nothing is fetched with a {config} that is changed here",
                hint="check it, then fetch by hand: dvc fetch",
            )

    def _is_redirected(self, dvc_root: str) -> bool:
        """Whether DVC reads more, or something else, than the `.dvc/config` in Git: a link, or a local config."""
        assert self.repository.root is not None
        folder = self.repository.root / dvc_root / ".dvc"
        links = folder.is_symlink() or (folder / "config").is_symlink()
        local = posixpath.join(dvc_root, ".dvc/config.local")
        return links or self.repository.is_tracked(local)

    def _models(self, base: dvc.Project) -> list[ModelFiles]:
        found = find_models([base, self.candidate], self.config, self._name())
        wanted = set(self.request.models)
        if unknown := sorted(wanted - {model.name for model in found}):
            known = ", ".join(model.name for model in found) or "none"
            raise UsageError(f"no model {unknown[0]!r}", hint=f"the models here: {known}")
        if not found:
            raise UsageError(
                "nothing to compare: no dvc.yaml at either revision, and no mlops-ci.yaml here",
                hint="name metrics files under models.NAME.metrics_files in mlops-ci.yaml",
            )
        self.alone = len(found) == 1
        return [model for model in found if not wanted or model.name in wanted]

    def _name(self) -> str:
        folder = self.repository.root or self.repository.git_dir
        return repository_name(self.repository.origin_url, folder.name)

    def _take(
        self, project: dvc.Project, models: list[ModelFiles], origin: Origin
    ) -> list[Snapshot]:
        return snapshot.take(project, models, origin, self.tracking)

    @cached_property
    def tracking(self) -> Tracking:
        return Tracking(
            config=self.config,
            trusted=lambda: self.trusted_config,
            root=self.repository.root if self.request.tracked else None,
            alone=self.alone,
        )

    def _walk_back(
        self, baseline: Baseline, old: list[Snapshot]
    ) -> tuple[Baseline, list[Snapshot], Note]:
        """The nearest first-parent ancestor of the baseline with metrics; without one, the baseline as it is."""
        commits = self.repository.first_parents(baseline.origin.commit or "", MAX_WALK)
        for count, commit in enumerate(commits, 1):
            origin = Origin(rev=f"{baseline.origin.rev}~{count}", commit=commit)
            project = self._project(CommitTree(self.repository, commit))
            models = self._models(project)
            found = self._take(project, models, origin)
            if any(_was_measured(one) for one in found):
                commits_before = "1 commit" if count == 1 else f"{count} commits"
                message = f"the baseline has no metrics; compared with {commit[:7]}, {commits_before} before it"
                note = Note(kind="baseline-older", message=message, side="baseline")
                return dataclasses.replace(baseline, origin=origin), found, note
        before = f" nor in {text.plural(len(commits), 'commit')} before it" if commits else ""
        message = f"the baseline has no metrics{before}"
        return baseline, old, Note(kind="no-baseline", message=message, side="baseline")

    def _compare(
        self, model: ModelFiles, old: Snapshot, new: Snapshot, note: Note | None
    ) -> ModelComparison:
        own = model.config.metrics if model.config else {}
        shared = self.config.metrics if self.config else {}
        found = compare(old, new, {**own, **{k: v for k, v in shared.items() if k not in own}})
        return dataclasses.replace(found, notes=(note, *found.notes)) if note else found


def _was_measured(one: Snapshot) -> bool:
    return bool(one.metrics) or any(unknown.kind == "metrics" for unknown in one.unknown)
