"""Reading a Git repository through `git` itself: any revision without a checkout, and the work tree.

Git libraries read the wrong index inside hooks and are slower to start; `git` with -z is right and fast.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from mlops_ci.errors import ToolError, UsageError
from mlops_ci.process import Result, run

MISSING = "missing"
_ENDED = "git cannot read an object; is this a partial clone?"
_WHOLE = "git fetch --refetch --no-filter, which makes it a whole one"
# Names sent before an answer is read: they must fit into a pipe (64 KiB on Linux, 16 KiB on macOS).
_BULK = 200
_CHUNK = 1024 * 1024
_ORIGIN = re.compile(r'^\[remote "origin"\][^\[]*?^\s*url\s*=\s*(.*)$', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Commit:
    oid: str
    parents: tuple[str, ...]


class Repository:
    """One Git repository. `root` is the top of the work tree, None when the repository is bare.

    All paths are relative to the root, with `/`; bytes that are not UTF-8 are kept as lone surrogates.
    """

    def __init__(self, *, root: Path | None, git_dir: Path, shallow: bool) -> None:
        self.root = root
        self.git_dir = git_dir
        self.shallow = shallow
        self.objects = Objects(root or git_dir)
        # Mode and object id by path of the commits that were listed: a commit never changes.
        self.listed: dict[str, dict[str, tuple[str, str]]] = {}

    @classmethod
    def discover(cls, start: Path) -> Repository:
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
            root=Path(top) if in_work_tree else None,
            git_dir=(start / git_dir).resolve(),
            shallow=shallow == "true",
        )

    def git(self, *arguments: str, stdin: bytes = b"") -> Result:
        return run(
            ["git", "--no-optional-locks", *arguments], cwd=self.root or self.git_dir, stdin=stdin
        )

    def lines(self, *arguments: str) -> list[str]:
        """The lines that a git command prints. Raises ToolError with git's own words when it fails."""
        done = self.git(*arguments)
        if done.returncode:
            raise ToolError(f"git {arguments[0]}: {done.last_line}")
        return os.fsdecode(done.stdout).splitlines()

    def find(self, rev: str) -> Commit | None:
        """The commit that `rev` names, None when there is no such commit here."""
        if not rev or "\n" in rev or "\0" in rev:
            return None
        oid, kind, _ = self.objects.stat(f"{rev}^{{commit}}")
        if kind != "commit":
            return None
        header = self.objects.read(oid).split(b"\n\n", 1)[0].decode(errors="replace")
        parents = [line[7:] for line in header.splitlines() if line.startswith("parent ")]
        return Commit(oid=oid, parents=tuple(parents))

    def commit(self, rev: str) -> Commit:
        """As `find`, but raises UsageError that says what to type instead."""
        found = self.find(rev) or self.find(f"origin/{rev}")
        if found is None:
            raise UsageError(f"unknown revision {rev!r}", hint=self._hint_for(rev))
        return found

    def _hint_for(self, rev: str) -> str:
        if self.find("HEAD") is None:
            return "this repository has no commits yet: git commit"
        if ".." in rev:
            base, _, head = rev.replace("...", "..").partition("..")
            return f"the merge base is taken anyway: {base or 'HEAD'} {head or 'HEAD'}"
        import difflib

        names = self.lines("for-each-ref", "--format=%(refname:short)")
        close = difflib.get_close_matches(rev, [name for name in names if name != rev], n=1)
        if close:
            return f"did you mean {close[0]}?"
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


class _EndedError(ToolError):
    """A `git cat-file` that should still be running has ended."""


def fetch_hint(branch: str) -> str:
    """Plain `git fetch origin BRANCH` sets only FETCH_HEAD where the clone follows a single branch."""
    if not re.fullmatch(r"(?!-|0+$)[\w/-]*[^\W_][\w/-]*", branch):
        return "git log --oneline --all"
    return f"git fetch origin {branch}:refs/remotes/origin/{branch}"


class Objects:
    """Two `git cat-file` processes that stay open: one tells sizes, one gives contents."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.known: dict[str, bytes] = {}
        self.env: dict[str, str] | None = None

    def stat(self, name: str) -> tuple[str, str, int]:
        """Object id, type and size in bytes; the type is `missing` when there is no such object."""
        try:
            _send(self._sizes, name)
            return _header(self._sizes)
        except _EndedError:  # git gives up on some names, such as @{u} without an upstream
            _close(self.__dict__.pop("_sizes"))
            return name, MISSING, 0

    def read(self, oid: str) -> bytes:
        """The content of an object that exists."""
        pipe = self._contents
        _send(pipe, oid)
        content = _content(pipe)
        if content is None:
            raise ToolError(f"Git object {oid} is missing", hint="git fetch")
        return content

    def expect(self, oids: set[str], limit: int) -> None:
        """Read those blobs that have at most `limit` bytes, in bulk; `known` has them afterwards."""
        names = sorted(oids - self.known.keys())
        for start in range(0, len(names), _BULK):
            chunk = names[start : start + _BULK]
            _send(self._contents, "\n".join(chunk))
            for oid in chunk:
                content = _content(self._contents, limit)
                if content is not None:
                    self.known[oid] = content

    @cached_property
    def _sizes(self) -> subprocess.Popen[bytes]:
        return self._open("--batch-check")

    @cached_property
    def _contents(self) -> subprocess.Popen[bytes]:
        return self._open("--batch")

    def _open(self, mode: str) -> subprocess.Popen[bytes]:
        return _spawn(["git", "cat-file", mode], self._folder, stdin=True, env=self.env)

    def __del__(self) -> None:
        for name in ("_sizes", "_contents"):
            if pipe := self.__dict__.pop(name, None):
                _close(pipe)


class Listing:
    """A git command that lists NUL-separated records; it runs while the caller does other things.

    `later`: it starts when its records are wanted.
    """

    def __init__(self, folder: Path, *command: str, later: bool = False) -> None:
        self._folder = folder
        self._command = command
        if not later:
            self._start()

    def _start(self) -> None:
        self._pipe = _spawn(["git", "--no-optional-locks", *self._command], self._folder)

    def records(self) -> list[str]:
        """Decoded as file names are: bytes that are not UTF-8 become lone surrogates."""
        if "_pipe" not in self.__dict__:
            self._start()
        output = cast("IO[bytes]", self._pipe.stdout).read()
        _close(self._pipe)
        if self._pipe.returncode:
            command = " ".join(self._command[:2])
            raise ToolError(f"git {command} failed with exit code {self._pipe.returncode}")
        return os.fsdecode(output).split("\0")[:-1]

    def __del__(self) -> None:
        if pipe := self.__dict__.get("_pipe"):
            _close(pipe)


def _spawn(
    command: list[str], folder: Path, *, stdin: bool = False, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise ToolError(f"git cannot be started: {error.strerror}") from error


def _close(pipe: subprocess.Popen[bytes]) -> None:
    for stream in filter(None, (pipe.stdin, pipe.stdout)):
        with contextlib.suppress(OSError):  # git has ended, and something is still to be sent
            stream.close()
    pipe.wait()


def _send(pipe: subprocess.Popen[bytes], name: str) -> None:
    stdin = cast("IO[bytes]", pipe.stdin)
    try:
        stdin.write(os.fsencode(name) + b"\n")
        stdin.flush()
    except OSError as error:
        raise _EndedError(_ENDED, hint=_WHOLE) from error


def _content(pipe: subprocess.Popen[bytes], limit: int | None = None) -> bytes | None:
    """What `--batch` answers; None when the object is missing, or larger than the limit."""
    _, kind, size = _header(pipe)
    if kind == MISSING:
        return None
    stdout = cast("IO[bytes]", pipe.stdout)
    if limit is None or size <= limit:
        return stdout.read(size + 1)[:-1]
    for start in range(0, size + 1, _CHUNK):
        stdout.read(min(_CHUNK, size + 1 - start))
    return None


def _header(pipe: subprocess.Popen[bytes]) -> tuple[str, str, int]:
    line = cast("IO[bytes]", pipe.stdout).readline().decode(errors="replace").rstrip("\n")
    if not line:
        raise _EndedError(_ENDED, hint=_WHOLE)
    words = line.rsplit(" ", 2)
    if len(words) == 3 and words[2].isdigit():
        return words[0], words[1], int(words[2])
    return line, MISSING, 0
