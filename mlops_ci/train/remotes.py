"""Which DVC remotes a run talks to: those of the project, but not those that a pull request brings while secrets are
there. It could name an address of its own, and credentials would go there.
"""

from __future__ import annotations

import configparser
import os
import posixpath
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci import http
from mlops_ci.baseline import branch
from mlops_ci.errors import ToolError, UnreadableError, UsageError
from mlops_ci.git.tree import CommitTree
from mlops_ci.lineage.redaction import is_secret
from mlops_ci.stack.data.dvc.cache import find_cache
from mlops_ci.stack.data.dvc.cloud import anchored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_ci.train.place import Place

_CONFIG, _LOCAL = ".dvc/config", ".dvc/config.local"


def base_of_pull_request(place: Place, environ: Mapping[str, str] = os.environ) -> str | None:
    """The commit whose remotes count, None when those of the work tree do.

    https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    """
    base = environ.get("GITHUB_BASE_REF")
    if not base or not _has_secrets(place.root, environ):
        return None
    try:
        return place.repository.commit(branch(place.repository, base)).oid
    except UsageError as error:
        what = f"{error}, and only its remotes are trusted here"
        raise ToolError(what, hint=error.hint) from error


def _has_secrets(root: Path, environ: Mapping[str, str]) -> bool:
    return (root / ".dvc/config.local").is_file() or any(
        value and is_secret(name) for name, value in environ.items()
    )


def way_out(place: Place) -> str:
    """The next thing to do where only the remotes of the base branch count and they are other ones; "" elsewhere."""
    base = _other_base(place)
    what = "secrets are set, so only the remotes of the base branch count: merge the change of .dvc/config first, alone"
    return f"{what}, or run this job without secrets" if base else ""


def _other_base(place: Place) -> CommitTree | None:
    """The base of a pull request that brings other remotes while secrets are there."""
    commit = base_of_pull_request(place)
    base = CommitTree(place.repository, commit) if commit else None
    is_same = base is None or all(_is_same(place, base, root) for root in place.project.roots)
    return None if is_same else base


@contextmanager
def project(place: Place) -> Iterator[Path]:
    """The folder in which `dvc fetch` and `dvc push` are run: the root, or a copy of the DVC files beside the base's
    config, with the cache of the root.
    """
    base, roots = _other_base(place), place.project.roots
    if base is None:
        yield place.root
        return
    with tempfile.TemporaryDirectory(prefix="mlops-ci-") as name:
        folder = Path(name)
        _copy(place, folder)
        for root in roots:
            _copy_local(place, folder, root)
            _write(folder / root, base.read(posixpath.join(root, _CONFIG)), place.root / root)
            _point_at_cache(place.root / root, folder / root)
        yield folder


def _is_same(place: Place, base: CommitTree, root: str) -> bool:
    """Byte for byte: DVC has a parser of its own, for which `[Core]` is `[core]` and an indented section is one."""
    paths = [posixpath.join(root, name) for name in (_CONFIG, _LOCAL)]
    links = (".dvc", _CONFIG, _LOCAL)
    if any((place.root / root / one).is_symlink() for one in links):
        return False
    if paths[1] not in place.tree.entries:  # the job has written it
        paths.pop()
    return all(base.read(path) == place.tree.read(path) for path in paths)


def check_reachable(folder: Path) -> None:
    """Raises ToolError when the default remote of the DVC project in `folder` does not answer or is not there."""
    url = default_url(folder / ".dvc")
    if url.startswith(("http://", "https://")):
        try:
            http.check_reachable(url)
        except UnreadableError as error:
            raise ToolError(
                f"the DVC remote cannot be reached: {error}", hint=error.hint
            ) from error
    elif url and "://" not in url and not (folder / ".dvc" / url).is_dir():
        raise ToolError(f"the DVC remote cannot be reached: there is no folder {url}")


def default_url(dvc_folder: Path) -> str:
    """The address of the default remote as the config has it, "" when there is none."""
    name, urls = "", {}
    for file in (dvc_folder / "config", dvc_folder / "config.local"):
        parser = _parsed(file.read_text("utf-8", "replace") if file.is_file() else "")
        name = parser.get("core", "remote", fallback="") or name
        for section in parser.sections():
            if url := parser.get(section, "url", fallback=""):
                urls[section.strip("'").removeprefix("remote ").strip('"')] = url
    return urls.get(name, "")


def _write(folder: Path, config: bytes | None, project: Path) -> None:
    parser = _parsed((config or b"").decode("utf-8", "replace"))
    for section in parser.sections():
        for key, value in parser[section].items():
            parser.set(section, key, anchored(key, value, project / ".dvc"))
    with (folder / _CONFIG).open("w", encoding="utf-8") as file:
        parser.write(file)


def _parsed(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ToolError(f"{_CONFIG} cannot be read: {str(error).splitlines()[0]}") from error
    return parser


def _copy(place: Place, folder: Path) -> None:
    """What DVC reads to know which objects there are: no data, and of `.dvc` only what nobody committed."""
    names = {"dvc.yaml", "dvc.lock", ".dvcignore"}
    for path in place.tree.entries:
        outside = ".dvc/" not in f"/{path}"
        vital = path.rpartition("/")[2] in names or path.endswith(
            (".dvc", ".yaml", ".yml", ".json", ".toml")
        )
        source = place.root / path
        if outside and vital and source.is_file() and not source.is_symlink():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / path)


def _copy_local(place: Place, folder: Path, root: str) -> None:
    """What the job has written there, and no commit."""
    (folder / root / ".dvc").mkdir(parents=True, exist_ok=True)
    path = posixpath.join(root, _LOCAL)
    local = place.root / path
    is_ours = path not in place.tree.entries and not local.is_symlink()
    if is_ours and local.is_file() and not local.parent.is_symlink():
        shutil.copyfile(local, folder / path)


def _point_at_cache(project: Path, folder: Path) -> None:
    path = folder / _LOCAL
    parser = _parsed(path.read_text("utf-8") if path.is_file() else "")
    for section, key, value in (
        ("cache", "dir", str(find_cache([project / ".dvc"]).folders[0])),
        ("core", "no_scm", "true"),
    ):
        if not parser.has_section(section):
            parser.add_section(section)
        parser.set(section, key, value)
    with path.open("w", encoding="utf-8") as file:
        parser.write(file)
