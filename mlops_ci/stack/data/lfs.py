"""Git LFS: pointers, and whether their objects are on the server.

Pointers: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
Server: https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
`git lfs push --dry-run` does not tell: it leaves out what commits on the remote need, whether that is there or not.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mlops_ci.errors import MlopsCiError, ToolError, UnreadableError
from mlops_ci.frozen import dataclass
from mlops_ci.http import StatusError, basic, post_json, redact
from mlops_ci.process import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_ci.git import Repository
    from mlops_ci.process import Result

MAX_POINTER = 1024
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n"
)
_MEDIA = "application/vnd.git-lfs+json"
_BATCH = 100
_SECONDS = 30
_NOT_FOUND, _GONE, _REFUSED = 404, 410, (401, 403)
# user@host:path, as Git and scp write it.
_SCP = re.compile(r"(?P<host>(?:[^@/:]+@)?[^/:]{2,}):(?P<path>.*)")


@dataclass(frozen=True, kw_only=True)
class Object:
    oid: str
    size: int


def pointer(content: bytes) -> Object | None:
    match = _POINTER.match(content) if len(content) <= MAX_POINTER else None
    return Object(oid=match[1].decode(), size=int(match[2])) if match else None


def is_local(repository: Repository, oid: str) -> bool:
    return (repository.git_dir / "lfs" / "objects" / oid[:2] / oid[2:4] / oid).is_file()


def get(repository: Repository, commit: str, path: str, wanted: Object) -> Path:
    """The file of an object, fetched when it is not here. Raises ToolError when it cannot be had."""
    file = _stored(repository.git_dir, wanted.oid)
    if not file.is_file():
        remotes = repository.lines("remote")
        remote = "origin" if "origin" in remotes else next(iter(remotes), "origin")
        # A pattern to git-lfs: where a name could be read as one, all of the commit is fetched.
        alone = [] if set(path) & set(",*?[]!\\ ") else ["--include", path, "--exclude", ""]
        command = ["git", "lfs", "fetch", *alone, "--", remote, commit]
        env = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
        done = run(command, cwd=repository.folder, env=env)
        if not file.is_file():
            what = f"{path} at {commit[:7]} is in Git LFS and cannot be had: {reason_of(done)}"
            raise ToolError(
                what, hint=f"git lfs push --object-id {remote} {wanted.oid}, where it is"
            )
    return file


def reason_of(done: Result) -> str:
    """What git-lfs said last, without the credentials of an address."""
    return re.sub(r"//\S*@", "//", done.last_line)


def absent(
    repository: Repository, remote: str, objects: Sequence[Object], lfsconfig: bytes | None
) -> set[str]:
    """The ids that the server of `remote` (a name or an address) does not have.

    `lfsconfig`: the content of `.lfsconfig`. Raises UnreadableError when the server cannot be asked.
    """
    configured = _configured(repository, remote)
    committed = "" if configured else _committed(repository, remote, lfsconfig)
    address = configured or committed or _address_of(repository, remote)
    if committed and not committed.startswith(("https://", "http://")):
        raise UnreadableError(
            f".lfsconfig: {redact(committed)} is not followed, it is no https address"
        )
    if folder := _folder(repository, address):
        return {one.oid for one in objects if not _stored(folder, one.oid).is_file()}
    server = _server(address, lfs=bool(configured or committed))
    found: set[str] = set()
    for start in range(0, len(objects), _BATCH):
        found |= server.absent(repository, objects[start : start + _BATCH])
    return found


def _address_of(repository: Repository, remote: str) -> str:
    known = repository.git("remote", "get-url", "--", remote)
    return os.fsdecode(known.stdout).strip() if known.returncode == 0 else remote


def _configured(repository: Repository, remote: str) -> str:
    """The address of the LFS server itself, where the user's own config has one."""
    for key in (f"remote.{remote}.lfsurl", "lfs.url"):
        if value := os.fsdecode(repository.git("config", "--get", key).stdout).strip():
            return value
    return ""


def _committed(repository: Repository, remote: str, lfsconfig: bytes | None) -> str:
    """The same of `.lfsconfig`, which whoever can commit can write."""
    for key in (f"remote.{remote}.lfsurl", "lfs.url") if lfsconfig else ():
        found = repository.git("config", "--file", "-", "--get", key, stdin=lfsconfig or b"")
        if value := os.fsdecode(found.stdout).strip():
            return value
    return ""


def _folder(repository: Repository, address: str) -> Path | None:
    """The folder of a remote on this machine."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    path = (repository.root or repository.git_dir) / address
    return path.resolve() if "://" not in address and path.is_dir() else None


def _stored(folder: Path, oid: str) -> Path:
    git_dir = folder / ".git" if (folder / ".git").is_dir() else folder
    return git_dir / "lfs" / "objects" / oid[:2] / oid[2:4] / oid


@dataclass(frozen=True)
class _Server:
    url: str
    ssh: tuple[str, ...] = ()

    def absent(self, repository: Repository, objects: Sequence[Object]) -> set[str]:
        body = {
            "operation": "download",
            "transfers": ["basic"],
            "hash_algo": "sha256",
            "objects": [{"oid": one.oid, "size": one.size} for one in objects],
        }
        url, headers = self._authenticated() if self.ssh else (self.url, {})
        target = f"{url.rstrip('/')}/objects/batch"
        auth = headers.get("Authorization", "")
        try:
            answer = post_json(target, body, auth=auth, media=_MEDIA)
        except StatusError as error:
            if error.status not in _REFUSED or auth:
                raise
            answer = post_json(target, body, auth=_credential(repository, url), media=_MEDIA)
        return set(_missing(answer, objects, redact(url)))

    def _authenticated(self) -> tuple[str, dict[str, str]]:
        """Address and headers, which the server gives through SSH. https://github.com/git-lfs/git-lfs/blob/main/docs/api/server-discovery.md"""
        program = os.environ.get("GIT_SSH") or "ssh"
        command = [
            program,
            *self.ssh[:-1],
            f"git-lfs-authenticate {_quoted(self.ssh[-1])} download",
        ]
        try:
            done = run(command, timeout=_SECONDS)
            answer = json.loads(done.stdout) if done.returncode == 0 else None
        except (MlopsCiError, ValueError):
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("header", {}), dict):
            raise UnreadableError(f"{self.ssh[-2]}: git-lfs-authenticate gives no answer over SSH")
        headers = {str(key): str(value) for key, value in answer.get("header", {}).items()}
        return str(answer.get("href") or self.url), headers


def _quoted(path: str) -> str:
    import shlex

    return shlex.quote(path)


def _server(address: str, *, lfs: bool) -> _Server:
    if address.startswith(("https://", "http://")):
        plain = address.rstrip("/")
        ending = "" if plain.endswith(".git") else ".git"
        return _Server(plain if lfs else f"{plain}{ending}/info/lfs")
    parts = urlsplit(address)
    if parts.scheme in {"ssh", "git+ssh", "ssh+git"} and parts.hostname:
        user = f"{parts.username}@" if parts.username else ""
        port = ("-p", str(parts.port)) if parts.port else ()
        return _over_ssh(f"{user}{parts.hostname}", unquote(parts.path), port)
    if "://" not in address and (match := _SCP.fullmatch(address)):
        return _over_ssh(match["host"], match["path"], ())
    raise UnreadableError(f"{redact(address)}: the LFS server behind this address is not known")


def _over_ssh(host: str, path: str, port: tuple[str, ...]) -> _Server:
    if host.startswith("-"):
        raise UnreadableError("the address of the remote is no host")
    bare = path.strip("/").removesuffix(".git")
    url = f"https://{host.rpartition('@')[2]}/{bare}.git/info/lfs"
    return _Server(url, ("-o", "BatchMode=yes", *port, "--", host, path.lstrip("/")))


def _credential(repository: Repository, url: str) -> str:
    """What Git's own helpers know for this address, without asking anybody."""
    parts = urlsplit(url)
    if parts.username:
        return basic(unquote(parts.username), unquote(parts.password or ""))
    query = f"protocol={parts.scheme}\nhost={parts.netloc}\npath={parts.path.lstrip('/')}\n\n"
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": ""}
    cwd = repository.root or repository.git_dir
    command = ["git", "-c", "core.askPass=", "credential", "fill"]
    done = run(command, cwd=cwd, stdin=query.encode(), env=env, timeout=_SECONDS)
    lines = os.fsdecode(done.stdout).splitlines()
    found = dict(line.partition("=")[::2] for line in lines)
    if "password" not in found:
        raise UnreadableError(f"{redact(url)}: no credentials for it", hint="git lfs fetch")
    return basic(found.get("username", ""), found["password"])


def _missing(answer: Any, objects: Sequence[Object], where: str) -> list[str]:
    entries = answer.get("objects") if isinstance(answer, dict) else None
    known = {
        one.get("oid"): one
        for one in (entries if isinstance(entries, list) else ())
        if isinstance(one, dict)
    }
    found = []
    for one in objects:
        entry = known.get(one.oid, {})
        error = entry.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        if code in (_NOT_FOUND, _GONE):
            found.append(one.oid)
        elif error is not None or not isinstance(entry.get("actions"), dict):
            raise UnreadableError(f"{where}: the server does not say whether it has {one.oid[:12]}")
    return found
