"""Whether objects are on their DVC remote, asked of the project's own dvc.

It runs in a folder of its own that holds nothing but a pointer for each object, and of the project's config only the
remotes: so any commit can be looked at without a checkout, and nothing that a config can name is run or loaded.
"""

from __future__ import annotations

import configparser
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlops_ci.errors import MlopsCiError, UnreadableError
from mlops_ci.frozen import dataclass
from mlops_ci.http import check_reachable
from mlops_ci.process import Result, environment_outside_git, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops_ci.stack.data.dvc.cache import Cache

Where = Literal["cache", "nowhere"]
_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Object:
    """`remote`: the one that its pointer names; "" is the default one."""

    md5: str
    legacy: bool = False
    remote: str = ""


class NoRemoteError(UnreadableError):
    """The project has no remote: nothing can be there."""


def not_on_remote(
    dvc: str, dvc_folder: Path, cache: Cache, objects: Iterable[Object]
) -> dict[Object, Where]:
    """Those that the remote lacks, and whether the cache has them. `dvc_folder`: the project's `.dvc`.

    Raises UnreadableError with DVC's reason when the remote cannot be asked, NoRemoteError when there is none.
    """
    wanted = list(dict.fromkeys(objects))
    with tempfile.TemporaryDirectory(prefix="mlops-ci-") as name:
        folder = Path(name)
        urls = _write_project(folder, dvc_folder, cache)
        for index, one in enumerate(wanted):
            (folder / f"{index}.dvc").write_text(_pointer(one, index), encoding="utf-8")
        done = _status(dvc, folder)
    found = _found(done)
    absent = {
        one: where
        for index, one in enumerate(wanted)
        if (where := _where(one, str(index), found, done.stderr))
    }
    for remote in {one.remote for one in absent}:
        _check_reachable(urls.get(remote, ""))
    return absent


def _check_reachable(url: str) -> None:
    """DVC takes an HTTP server that does not answer for one that has nothing."""
    if url.startswith(("http://", "https://")):
        check_reachable(url)


def _write_project(folder: Path, dvc_folder: Path, cache: Cache) -> dict[str, str]:
    """The addresses of the remotes by name; that of the default one has no name."""
    config = configparser.RawConfigParser(strict=False, allow_no_value=True)
    core = {"no_scm": "true", "analytics": "false", "check_update": "false"}
    config["core"] = core | {"site_cache_dir": str(folder / "site")}
    config["cache"] = {"dir": str(cache.folders[0] if cache.folders else dvc_folder / "cache")}
    for name in ("config", "config.local"):
        own = read_config(dvc_folder / name)
        for section in own.sections():
            if section.strip("'").startswith("remote "):
                known = dict(config[section]) if config.has_section(section) else {}
                _check_plain(section, own[section])
                values = {key: anchored(key, one, dvc_folder) for key, one in own[section].items()}
                config[section] = known | values
        if remote := own.get("core", "remote", fallback=""):
            config["core"]["remote"] = remote
    (folder / ".dvc").mkdir()
    with (folder / ".dvc" / "config").open("w", encoding="utf-8") as file:
        config.write(file)
    urls = {
        section.strip("'").removeprefix("remote ").strip('"'): config[section].get("url", "")
        for section in config.sections()
    }
    return urls | {"": urls.get(config["core"].get("remote", ""), "")}


def _check_plain(section: str, values: Mapping[str, str | None]) -> None:
    """A remote that keeps versions has files by their path in the project, not by their hash."""
    for key in ("version_aware", "worktree"):
        if str(values.get(key) or "false").lower() not in {"false", "no", "0"}:
            raise UnreadableError(f"{section.strip(chr(39))} is {key}", hint="dvc status --cloud")


def read_config(file: Path) -> configparser.RawConfigParser:
    """A config file of DVC, empty where there is none."""
    config = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        if file.is_file():
            config.read_string(file.read_text("utf-8"))
    except (OSError, ValueError, configparser.Error) as error:
        raise UnreadableError(f"{file.name} of DVC cannot be read") from error
    return config


def anchored(key: str, value: str | None, dvc_folder: Path) -> str:
    """A value for a config elsewhere: paths in a config are relative to the folder that it is in."""
    text = (value or "").strip("'\"")
    relative = "://" not in text and not Path(text).is_absolute() and not text.startswith("~")
    if text and relative and (key == "url" or (dvc_folder / text).exists()):
        return str((dvc_folder / text).resolve())
    return value or ""


def _pointer(one: Object, index: int) -> str:
    lines = [f'outs:\n- path: "{index}"', f"  md5: {json.dumps(one.md5)}"]
    lines += [] if one.legacy else ["  hash: md5"]
    lines += [f"  remote: {json.dumps(one.remote)}"] if one.remote else []
    return "\n".join(lines) + "\n"


def _status(dvc: str, folder: Path) -> Result:
    env = environment_outside_git(DVC_NO_ANALYTICS="1")
    try:
        done = run([dvc, "status", "--cloud", "--json"], cwd=folder, env=env, timeout=_SECONDS)
    except MlopsCiError as error:
        raise UnreadableError(str(error)) from error
    if done.returncode == 0:
        return done
    reason = _reason(done)
    if "no remote specified" in reason:
        raise NoRemoteError("no DVC remote is configured", hint="dvc remote add --default NAME URL")
    raise UnreadableError(reason, hint="dvc status --cloud")


def _reason(done: Result) -> str:
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
    line = errors[0] if errors else done.last_line
    return line.removeprefix("ERROR:").removeprefix(" unexpected error -").strip()


def _found(done: Result) -> dict[str, set[str]]:
    """Number of the pointer to what DVC says of the object, and of the files in it."""
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise UnreadableError("dvc status does not answer in JSON", hint="dvc --version") from error
    found: dict[str, set[str]] = {}
    for path, what in answer.items() if isinstance(answer, dict) else ():
        found.setdefault(path.replace("\\", "/").partition("/")[0], set()).add(str(what))
    return found


def _where(one: Object, index: str, found: dict[str, set[str]], stderr: str) -> Where | None:
    states = found.get(index, set())
    # A folder whose listing is nowhere is only in a warning.
    if "missing" in states or f"md5: {one.md5}" in stderr:
        return "nowhere"
    return "cache" if "new" in states else None
