"""What a blob becomes when Git writes it to disk: line ends, `$Id$`, encodings, and filters such as Git LFS.

DVC hashes the file on disk, a check without a checkout sees the blob. https://git-scm.com/docs/gitattributes
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError, UnreadableError
from mlops_ci.process import run

if TYPE_CHECKING:
    from mlops_ci.git import Repository
    from mlops_ci.git.tree import Tree

_NAMES = ("text", "crlf", "eol", "ident", "working-tree-encoding", "filter")
_FILE = ".gitattributes"
_IDENT = re.compile(rb"\$Id(?::[^$\n]*)?\$")
_UNSET = frozenset({"", "unspecified", "unset", "false"})
# What iconv calls them, and what Python does. The byte order of the bare names is that of the machine's iconv.
_MARKED = {"utf-16": ("utf-16-le", b"\xff\xfe"), "utf-16le-bom": ("utf-16-le", b"\xff\xfe")}
_MARKED["utf-16be-bom"] = ("utf-16-be", b"\xfe\xff")
# The share of control characters above which Git takes a file for binary. https://github.com/git/git/blob/master/convert.c
_PRINTABLE_PER_CONTROL = 128


class Attributes:
    """The attributes that hold at one origin: those of the commit or of the index, and the machine's own."""

    def __init__(self, repository: Repository, tree: Tree) -> None:
        self._repository = repository
        self._tree = tree
        self._known: dict[str, dict[str, str]] = {}

    def on_disk(self, path: str, content: bytes, blob: str) -> bytes:
        """The bytes of the file after a checkout. Raises UnreadableError when only a program could tell."""
        if not self.matter:
            return content
        found = self._of(path)
        if found.get("filter", "") not in _UNSET | {"lfs"}:
            raise UnreadableError(f"{path}: passes through the Git filter {found['filter']!r}")
        content = _line_ends(content, found, self._config)
        if found.get("ident") == "set":
            content = _IDENT.sub(b"$Id: " + blob.encode() + b" $", content)
        return _encoded(path, content, found.get("working-tree-encoding", ""))

    @cached_property
    def matter(self) -> bool:
        """Whether anything can make a file on disk differ from its blob."""
        own = os.path.isfile(f"{self._repository.git_folder}/info/attributes")  # noqa: PTH113
        conversion = self._config.get("core.autocrlf") not in {None, "false"}
        other = "core.eol" in self._config or "core.attributesfile" in self._config
        return bool(self._files) or own or conversion or other

    @cached_property
    def _files(self) -> list[str]:
        return [
            path
            for path in self._tree.entries
            if _FILE in path and path.rpartition("/")[2] == _FILE
        ]

    @cached_property
    def _config(self) -> dict[str, str]:
        keys = r"^core\.(autocrlf|eol|attributesfile)$"
        listed = self._repository.git("config", "-z", "--get-regexp", keys).stdout
        pairs = (record.partition("\n") for record in os.fsdecode(listed).split("\0")[:-1])
        return {key: value.lower() for key, _, value in pairs if value}

    def expect(self, paths: list[str]) -> None:
        """Ask Git for the attributes of many paths at once."""
        unknown = [path for path in paths if path not in self._known]
        if not unknown or not self.matter:
            return
        import tempfile

        with tempfile.TemporaryDirectory(prefix="mlops-ci-") as folder:
            env = self._index_of_commit(f"{folder}/index")
            command = ["git", "check-attr", "--cached", "-z", "--stdin", *_NAMES]
            query = b"".join(os.fsencode(path) + b"\0" for path in unknown)
            done = run(command, cwd=self._repository.folder, stdin=query, env=env)
        if done.returncode:
            raise ToolError(f"git check-attr: {done.last_line}")
        words = os.fsdecode(done.stdout).split("\0")[:-1]
        for path, name, value in zip(words[::3], words[1::3], words[2::3], strict=True):
            self._known.setdefault(path, {})[name] = value

    def _index_of_commit(self, index: str) -> dict[str, str] | None:
        """Git older than 2.40 reads attributes only from an index: give it one of that commit."""
        commit = getattr(self._tree, "commit", None)
        if commit is None:
            return None
        env = {**os.environ, "GIT_INDEX_FILE": index}
        done = run(["git", "read-tree", commit], cwd=self._repository.folder, env=env)
        if done.returncode:
            raise ToolError(f"git read-tree: {done.last_line}")
        return env

    def _of(self, path: str) -> dict[str, str]:
        self.expect([path])
        return self._known.get(path, {})


def _line_ends(content: bytes, found: dict[str, str], config: dict[str, str]) -> bytes:
    text = found.get("text", "unspecified")
    if text == "unspecified":  # the name of before Git 1.7.2
        text = {"set": "set", "unset": "unset", "input": "set"}.get(found.get("crlf", ""), text)
    eol, autocrlf = found.get("eol", "unspecified"), config.get("core.autocrlf", "false")
    automatic = text == "auto"
    if text == "unset" or (text == "unspecified" and eol not in {"lf", "crlf"}):
        automatic = text != "unset" and autocrlf == "true"
        if not automatic:
            return content
    if not _writes_crlf(eol, autocrlf, config.get("core.eol", "")):
        return content
    if automatic and (b"\r" in content or _is_binary(content)):
        return content
    return re.sub(rb"(?<!\r)\n", b"\r\n", content)


def _writes_crlf(eol: str, autocrlf: str, machine: str) -> bool:
    if eol in {"lf", "crlf"}:
        return eol == "crlf"
    if autocrlf in {"true", "input"}:
        return autocrlf == "true"
    return machine == "crlf" or (machine in {"", "native"} and os.linesep == "\r\n")


def _is_binary(content: bytes) -> bool:
    if b"\0" in content:
        return True
    control = len(content) - len(
        content.translate(None, bytes([*range(8), 11, *range(14, 27), *range(28, 32), 127]))
    )
    return (len(content) - control) // _PRINTABLE_PER_CONTROL < control


def _encoded(path: str, content: bytes, encoding: str) -> bytes:
    name = encoding.lower()
    if name in _UNSET or name in {"set", "utf-8", "utf8"}:
        return content
    codec, mark = _MARKED.get(name, (name, b""))
    try:
        return mark + content.decode("utf-8").encode(codec)
    except (LookupError, UnicodeError) as error:
        reason = f"{path}: has the working-tree-encoding {encoding!r}, which cannot be followed"
        raise UnreadableError(reason) from error
