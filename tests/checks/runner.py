"""Hooks as users have them: installed by pre-commit or prek, run by `git commit`, `git merge` and `git push`.

The manifest is the real one, in a repository of its own, and so is the console script of each hook; but both runners
are told that the programs are installed already (`language: system`), which spares an environment for each run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_ci.checks import catalog
from tests.conftest import Repo

if TYPE_CHECKING:
    from pathlib import Path

_SCRIPT = """\
#!{python}
import sys
from mlops_ci_hooks.{module} import main
sys.exit(main())
"""


@dataclass(frozen=True)
class Done:
    """`output`: what the user sees, of Git, of the runner and of the hooks."""

    returncode: int
    output: str


@dataclass(frozen=True)
class Suite:
    """The repository that a `.pre-commit-config.yaml` names, and where its programs are."""

    path: Path
    rev: str
    programs: Path


def make_suite(folder: Path) -> Suite:
    programs = folder / "bin"
    programs.mkdir()
    for one in catalog.CATALOG:
        script = programs / one.script
        script.write_text(_SCRIPT.format(python=sys.executable, module=one.module))
        script.chmod(0o755)
    made = Repo(folder / "suite")
    made.path.mkdir()
    made.git("init", "--quiet")
    rev = made.commit(**{".pre-commit-hooks.yaml": catalog.manifest()})
    return Suite(path=made.path, rev=rev, programs=programs)


@dataclass(frozen=True)
class Hooked:
    """A repository with hooks. `runner`: `pre_commit` or `prek`, both of which are Python packages."""

    repo: Repo
    suite: Suite
    runner: str

    def install(self, *checks: str, types: tuple[str, ...] = ("pre-commit",), **keys: str) -> None:
        """Write and commit the config, and install the hooks for these types. `keys`: more keys of each hook."""
        more = "".join(f"\n    {key}: {value}" for key, value in keys.items())
        hooks = "\n".join(f"  - id: {check}\n    language: system{more}" for check in checks)
        config = f"repos:\n- repo: {self.suite.path}\n  rev: {self.suite.rev}\n  hooks:\n{hooks}\n"
        self.repo.write(".pre-commit-config.yaml", config)
        self.repo.git("add", "--", ".pre-commit-config.yaml")
        self.repo.git("commit", "--quiet", "--message", "hooks", "--", ".pre-commit-config.yaml")
        arguments = [word for name in types for word in ("--hook-type", name)]
        done = self.run(sys.executable, "-m", self.runner, "install", *arguments)
        assert done.returncode == 0, done.output

    def git(self, *arguments: str) -> Done:
        """A Git command that may run hooks, and fail."""
        return self.run("git", *arguments)

    def commit(self, *arguments: str) -> Done:
        return self.git("commit", "--message", "change", *arguments)

    def all_files(self) -> Done:
        return self.run(sys.executable, "-m", self.runner, "run", "--all-files")

    def run(self, *command: str) -> Done:
        home = self.suite.path.parent
        env = {
            **os.environ,
            "PATH": f"{self.suite.programs}{os.pathsep}{os.environ['PATH']}",
            "PRE_COMMIT_HOME": str(home / "pre-commit"),
            "PREK_HOME": str(home / "prek"),
        }
        done = subprocess.run(
            command,
            cwd=self.repo.path,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(errors="surrogateescape"))
