"""A work tree before a run: its config, its pipelines, its dvc."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mlops_ci import config as configuration
from mlops_ci.errors import UsageError
from mlops_ci.git import Repository
from mlops_ci.git.tree import WorkTree
from mlops_ci.lineage.hashing import Seen
from mlops_ci.stack.data import dvc

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_ci.config import Config


class Place:
    """`start`: any folder of the repository. `config`: a file instead of its mlops-ci.yaml.

    `seen`: what was hashed before the run.
    """

    def __init__(self, start: Path, config: Path | None = None) -> None:
        self.repository = Repository.discover(start)
        if self.repository.root is None:
            raise UsageError("a bare repository has no work tree", hint="git clone it, train there")
        self.root = self.repository.root
        self.tree = WorkTree(self.repository, self.root)
        self.project = dvc.Project(self.tree, [self.root, self.repository.git_dir.parent])
        self.tree.may_link_to = self.project.cache.owns
        self.seen = Seen()
        self._config = config

    @cached_property
    def config(self) -> Config:
        found = configuration.load(self.tree.read if self._config is None else self._read)
        return found or configuration.Config()

    def _read(self, path: str) -> bytes | None:
        assert self._config is not None
        return self._config.read_bytes() if path == configuration.FILE else self.tree.read(path)

    @cached_property
    def head(self) -> str:
        return self.repository.commit("HEAD").oid

    @cached_property
    def dvc(self) -> str | None:
        """The project's dvc program, None where there is none."""
        return dvc.find_dvc(self.root, self.repository.is_tracked, self.config.data.dvc)
