"""Reading a Git repository through `git` itself: any revision without a checkout, and the work tree.

Git libraries read the wrong index inside hooks and are slower to start; `git` with -z is right and fast.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from mlops_ci.errors import ToolError, UsageError
from mlops_ci.git.objects import Objects
from mlops_ci.process import Result, run

if TYPE_CHECKING:
    from pathlib import Path

_ORIGIN = re.compile(r'^\[remote "origin"\][^\[]*?^\s*url\s*=\s*(.*)$', re.MULTILINE)
_AFTER_NAME = re.compile(r"[~^:]|@\{")
# For Git these come before any tag.
_ONE_MEANING = re.compile(r"refs/|HEAD$|[0-9a-f]{40}")


class Commit(NamedTuple):
    oid: str
    parents: tuple[str, ...]


class Repository:
    """One Git repository. `top` is the top of the work tree, None when the repository is bare; `folder` is where Git
    works: the top, else `git_folder`.

    All paths are relative to the top, with `/`; bytes that are not UTF-8 are kept as lone surrogates.
    """

    def __init__(self, *, top: str | None, git_folder: str, shallow: bool) -> None:
        self.top = top
        self.folder = top or git_folder
        self.git_folder = git_folder
        self.shallow = shallow
        self.objects = Objects(self.folder)
        # Mode and object id by path of the commits that were listed: a commit never changes.
        self.listed: dict[str, dict[str, tuple[str, str]]] = {}

    # Most checks do without pathlib, which takes as long to load as two calls of Git.
    @cached_property
    def root(self) -> Path | None:
        from pathlib import Path

        return Path(self.top) if self.top else None

    @cached_property
    def git_dir(self) -> Path:
        from pathlib import Path

        return Path(self.git_folder)

    @classmethod
    def discover(cls, start: str | Path) -> Repository:
        """The repository that contains `start`. Raises UsageError when there is none."""
        command = ["git", "rev-parse", "--is-bare-repository", "--is-shallow-repository"]
        found = run([*command, "--git-common-dir", "--show-toplevel"], cwd=start)
        lines = os.fsdecode(found.stdout).split("\n")
        if len(lines) < 4:
            raise UsageError(
                f"{start} is not in a Git repository ({found.last_line})",
                hint="run this in your repository, or: git init",
            )
        bare, shallow, git_dir, top = lines[0], lines[1], lines[2], lines[3]
        in_work_tree = bare == "false" and found.returncode == 0
        return cls(
            top=os.path.normpath(top) if in_work_tree else None,
            git_folder=os.path.realpath(os.path.join(start, git_dir)),  # noqa: PTH118
            shallow=shallow == "true",
        )

    def git(self, *arguments: str, stdin: bytes = b"") -> Result:
        return run(["git", "--no-optional-locks", *arguments], cwd=self.folder, stdin=stdin)

    def lines(self, *arguments: str) -> list[str]:
        """The lines that a git command prints. Raises ToolError with git's own words when it fails."""
        done = self.git(*arguments)
        if done.returncode:
            raise ToolError(f"git {arguments[0]}: {done.last_line}")
        return os.fsdecode(done.stdout).splitlines()

    def resolve(self, rev: str) -> str:
        """The id of the commit that `rev` names, "" when there is no such commit here."""
        if not rev or "\n" in rev or "\0" in rev:
            return ""
        oid, kind, _ = self.objects.stat(f"{rev}^{{commit}}")
        return oid if kind == "commit" else ""

    def find(self, rev: str) -> Commit | None:
        """As `resolve`, and its parents, for which it has to be read."""
        if not (oid := self.resolve(rev)):
            return None
        header = self.objects.read(oid).split(b"\n\n", 1)[0].decode(errors="replace")
        parents = [line[7:] for line in header.splitlines() if line.startswith("parent ")]
        return Commit(oid=oid, parents=tuple(parents))

    def commit(self, rev: str) -> Commit:
        """As `find`, but raises UsageError that says what to type instead, also for what can be two commits."""
        found = self.find(rev) or self.find(f"refs/remotes/origin/{rev}")
        if found is None:
            raise UsageError(f"unknown revision {rev!r}", hint=self._hint_for(rev))
        self._check_one_meaning(_AFTER_NAME.split(rev)[0])
        return found

    def _check_one_meaning(self, name: str) -> None:
        """Git takes a tag before a branch, and whoever may push tags can call one as the branch that judges them."""
        if _ONE_MEANING.match(name) or not (tag := self.resolve(f"refs/tags/{name}")):
            return
        branches = (f"refs/{kind}/{name}" for kind in ("heads", "remotes", "remotes/origin"))
        other = next((ref for ref in branches if self.resolve(ref) not in ("", tag)), None)
        if other:
            what = f"{name!r} is a branch, and a tag at another commit"
            raise UsageError(what, hint=f"say which is meant: {other} or refs/tags/{name}")

    def _hint_for(self, rev: str) -> str:
        if self.find("HEAD") is None:
            return "this repository has no commits yet: git commit"
        if ".." in rev:
            base, _, head = rev.replace("...", "..").partition("..")
            return f"the merge base is taken anyway: {base or 'HEAD'} {head or 'HEAD'}"
        from mlops_ci.suggestions import closest

        names = self.lines("for-each-ref", "--format=%(refname:short)")
        if close := closest(rev, (name for name in names if name != rev)):
            return f"did you mean {close}?"
        return self.deepen_hint if self.shallow else fetch_hint(rev)

    @property
    def deepen_hint(self) -> str:
        return "git fetch --unshallow (in GitHub Actions: actions/checkout with fetch-depth: 0)"

    @property
    def origin_url(self) -> str:
        """The address of the remote called origin, as its config file has it; "" when there is none."""
        try:
            config = (self.git_dir / "config").read_text("utf-8", "replace")
        except OSError:
            return ""
        found = _ORIGIN.search(config)
        return found[1].strip().strip('"') if found else ""

    def is_tracked(self, path: str) -> bool:
        """Whether the path, or anything below it, is in the index."""
        return bool(self.git("ls-files", "-z", "--", path).stdout)

    def merge_base(self, one: Commit, other: Commit) -> str | None:
        """The best common ancestor; None for unrelated histories. Raises ToolError when a clone is too shallow."""
        if one.oid == other.oid:
            return one.oid
        done = self.git("merge-base", one.oid, other.oid)
        if done.returncode == 0:
            return done.stdout.decode().split()[0]
        if self.shallow:
            raise ToolError(
                "the clone is shallow and ends before the merge base", hint=self.deepen_hint
            )
        return None

    def count(self, since: str, until: str) -> int:
        """How many commits of `until` are not in `since`."""
        return int(self.lines("rev-list", "--count", f"{since}..{until}")[0])

    def first_parents(self, start: str, limit: int) -> list[str]:
        """The first-parent ancestors of `start`, nearest first, without `start` itself."""
        return self.lines("rev-list", "--first-parent", f"--max-count={limit + 1}", start)[1:]


def fetch_hint(branch: str) -> str:
    """Plain `git fetch origin BRANCH` sets only FETCH_HEAD where the clone follows a single branch."""
    if not re.fullmatch(r"(?!-|0+$)[\w/-]*[^\W_][\w/-]*", branch):
        return "git log --oneline --all"
    return f"git fetch origin {branch}:refs/remotes/origin/{branch}"
