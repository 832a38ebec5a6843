"""Running other programs: arguments as a list, a time limit, no surprises from the environment."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from mlops_ci.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Git sets these inside hooks; a child that works in *another* repository must not see them.
# https://github.com/pre-commit/pre-commit/issues/2184
GIT_LOCATION = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE", "GIT_PREFIX")

# What Git makes of patterns. `git --literal-pathspecs commit`, as Magit calls it, hands the first on to hooks.
# https://git-scm.com/docs/git#Documentation/git.txt-GITLITERALPATHSPECS
_PATHSPECS = (
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)
# In a partial clone a look at an object would fetch it, one by one, however large it is.
# https://git-scm.com/docs/git#Documentation/git.txt-GITNOLAZYFETCH
# Git before 2.45 does not know the first; it finds no protocol to fetch by, and gives up.
NO_FETCH = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}


class Result(NamedTuple):
    returncode: int
    stdout: bytes
    stderr: str

    @property
    def last_line(self) -> str:
        """The last line that the program wrote to stderr: in practice, the reason."""
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self.returncode}"

    @property
    def words_of_git(self) -> str:
        """Why git failed, without the advice that it prints after that."""
        marks = ("error:", "fatal:", "! [", "remote:")
        lines = (line.strip() for line in self.stderr.splitlines())
        return next((line for line in lines if line.startswith(marks)), self.last_line)


def run(
    command: Sequence[str],
    *,
    cwd: Path | str | None = None,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Result:
    """Run to the end and return what it said. Raises ToolError when it cannot start or takes too long."""
    try:
        done = subprocess.run(
            list(command),
            cwd=cwd,
            input=stdin,
            env=env,
            timeout=timeout,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        if cwd is not None and not os.path.isdir(cwd):  # noqa: PTH112
            raise ToolError(f"{cwd} is not a folder") from error
        raise ToolError(f"{command[0]} is not installed or not on PATH") from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{command[0]} {command[1]} took longer than {timeout:g} s") from error
    except OSError as error:
        raise ToolError(f"{command[0]} cannot be started: {error.strerror}") from error
    return Result(
        returncode=done.returncode, stdout=done.stdout, stderr=done.stderr.decode(errors="replace")
    )


def environment_outside_git(**extra: str) -> dict[str, str]:
    """The environment of this process without the variables by which Git points at one repository."""
    env = {key: value for key, value in os.environ.items() if key not in GIT_LOCATION}
    return env | extra


def forget_pathspec_modes() -> None:
    """For this process and its children: `*.dvc` is a pattern for each Git that they run."""
    for name in _PATHSPECS:
        os.environ.pop(name, None)
