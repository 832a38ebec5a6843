"""What is on disk and not in the index, also while pre-commit or prek has put it away.

Both take unstaged changes of tracked files out of the work tree before hooks run, and keep them as a patch that has
their process id in its name. https://pre-commit.com/#pre-commit-during-commits
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci.errors import UnreadableError
from mlops_ci.git.tree import WorkTree
from mlops_ci.process import Result, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_ci.git import Repository

_SECONDS = 60


def hidden(tree: WorkTree) -> dict[str, str]:
    """Tracked files that differ from the index and that Git was told not to look at, with their blob ids now.

    They are in no status: `--assume-unchanged` and `--skip-worktree` in https://git-scm.com/docs/git-update-index
    """
    listed = os.fsdecode(run(["git", "ls-files", "-v", "-z"], cwd=tree.root).stdout).split("\0")
    names = [one[2:] for one in listed if one[:1] == "S" or one[:1].islower()]
    files = [one for one in names if _is_plain(tree.root / one) and "\n" not in one]
    if not files:
        return {}
    command = ["git", "hash-object", "--stdin-paths"]
    asked = os.fsencode("".join(f"{one}\n" for one in files))
    found = run(command, cwd=tree.root, stdin=asked, timeout=_SECONDS).stdout.decode().split()
    return {path: oid for path, oid in zip(files, found, strict=False) if tree.entries[path] != oid}


def changed_since(repository: Repository, commit: str) -> list[str]:
    """Tracked files that are not in the work tree as they are in a commit."""
    listed = repository.git("diff", "--name-only", "--no-renames", "-z", commit, "--")
    return os.fsdecode(listed.stdout).split("\0")[:-1]


def _is_plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


class Unstaged:
    """`paths`: tracked files that differ from the index, and files that are new.

    `new`: which new files matter, as patterns in which `*` also matches `/`. To look for all takes long.
    """

    def __init__(
        self,
        repository: Repository,
        new: tuple[str, ...],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._repository = repository
        self._new = new
        self._environ = environ
        self._folder = repository.root or repository.git_dir

    @cached_property
    def paths(self) -> set[str]:
        return self.tracked | self.new

    @cached_property
    def tracked(self) -> set[str]:
        return self.matching() | self.put_away

    def matching(self, *patterns: str) -> set[str]:
        """Tracked files that differ on disk now, of these patterns: Git does not look at the others."""
        return self._names(
            "diff-files", "-z", "--name-only", "--ignore-submodules", "--", *patterns
        )

    @cached_property
    def new(self) -> set[str]:
        return self._names("ls-files", "-z", "--others", "--exclude-standard", "--", *self._new)

    def read(self, path: str) -> bytes | None:
        """The content on disk, or that which was put away; None when there is none."""
        if path in self.put_away:
            return self._read_put_away(path)
        return self._work_tree.read(path)

    @cached_property
    def _work_tree(self) -> WorkTree:
        return WorkTree(self._repository, self._folder)

    def _names(self, *command: str) -> set[str]:
        done = self._repository.git(*command)
        return set(os.fsdecode(done.stdout).split("\0")[:-1])

    @cached_property
    def _patch(self) -> Path | None:
        process = os.getppid()
        for folder, pattern in (
            (self._home("PRE_COMMIT_HOME", "pre-commit"), f"patch*-{process}"),
            (self._home("PREK_HOME", "prek") / "patches", f"*-{process}.patch"),
        ):
            found = sorted(folder.glob(pattern))
            if found:
                return found[-1].absolute()
        return None

    def _home(self, variable: str, name: str) -> Path:
        if self._environ.get(variable):
            return Path(self._environ[variable])
        cache = self._environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(cache) / name

    @cached_property
    def put_away(self) -> set[str]:
        if self._patch is None:
            return set()
        done = self._repository.git("apply", "--numstat", "-z", str(self._patch))
        return {line.split("\t", 2)[2] for line in os.fsdecode(done.stdout).split("\0")[:-1]}

    def _read_put_away(self, path: str) -> bytes | None:
        """Apply that part of the patch to a copy of the index, with a store for objects that is thrown away."""
        import shutil
        import tempfile

        with tempfile.TemporaryDirectory(prefix="mlops-ci-") as folder:
            index = Path(folder) / "index"
            shutil.copyfile(self._path("index"), index)
            env = {
                **self._environ,
                "GIT_INDEX_FILE": str(index),
                "GIT_OBJECT_DIRECTORY": folder,
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self._path("objects")),
            }
            name = path.translate({ord(sign): f"\\{sign}" for sign in "\\*?["})
            apply = ("apply", "--cached", "--whitespace=nowarn", f"--include={name}")
            applied = self._git(env, *apply, str(self._patch))
            if applied.returncode:
                raise UnreadableError(f"{path}: its unstaged change cannot be read")
            shown = self._git(env, "cat-file", "blob", f":{path}")
        return None if shown.returncode else shown.stdout

    def _git(self, env: Mapping[str, str], *command: str) -> Result:
        return run(["git", *command], cwd=self._folder, env=env, timeout=_SECONDS)

    def _path(self, name: str) -> Path:
        found = self._repository.lines("rev-parse", "--git-path", name)[0]
        return (self._folder / found).resolve()
