"""A clone in a temporary folder that shares nothing with the repository: neither objects, nor caches, nor results."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError
from mlops_ci.process import environment_outside_git, run
from mlops_ci.signals import ending, ignore, stoppable
from mlops_ci.stack.data import lfs
from mlops_ci.stack.data.dvc.cloud import anchored, read_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_ci.git import Repository
    from mlops_ci.process import Result
    from mlops_ci.stack.data.dvc import Project

_CLONE_SECONDS = 3600.0


@contextmanager
def temporary_folder(*, keep: bool = False) -> Iterator[Path]:
    """Removed at the end, also when a signal ends the work. `keep` leaves it for a look."""
    folder = Path(tempfile.mkdtemp(prefix="mlops-ci-reproduce-")).resolve()
    with stoppable("nothing is known"):
        try:
            yield folder
        finally:
            ignore(ending())
            if not keep:
                remove(folder)


def remove(folder: Path) -> None:
    """What DVC has put into its cache is read-only; where that is in the way it is made writable first."""
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def active_environment(source: Path, is_tracked: Callable[[str], bool]) -> Iterator[None]:
    """The project's own `.venv` is not in the clone: it is the active one, where no other is."""
    own = source / ".venv"
    if os.environ.get("VIRTUAL_ENV") or not own.is_dir() or is_tracked(".venv"):
        yield
        return
    os.environ["VIRTUAL_ENV"] = str(own)
    try:
        yield
    finally:
        del os.environ["VIRTUAL_ENV"]


def clone(repository: Repository, commit: str, folder: Path) -> Path:
    """The commit checked out in `folder`, under the repository's own name: a model may be called after it."""
    source = repository.root or repository.git_dir
    target = folder / source.name
    _git(folder, "clone", "--quiet", "--no-local", "--no-checkout", str(source), str(target))
    if _git(
        target, "cat-file", "-e", commit, check=False
    ).returncode:  # no branch and no tag has it
        _git(target, "config", "receive.shallowUpdate", "true")
        push = ("push", "--quiet", "--no-verify", "--no-follow-tags", "--no-signed")
        _git(source, *push, str(target), f"{commit}:refs/heads/mlops-ci-reproduce")
    origin = repository.origin_url
    if origin:
        beside = source / origin
        address = str(beside.resolve()) if "://" not in origin and beside.is_dir() else origin
        _git(target, "remote", "set-url", "origin", address)
    _git(target, "checkout", "--quiet", "--detach", commit)
    _pull_lfs(target)
    if not origin:
        _git(target, "remote", "remove", "origin")
    return target


def _pull_lfs(target: Path) -> None:
    """From the server of `origin`, whether or not this machine's git has the filters of Git LFS."""
    marked = _git(target, "grep", "-q", "filter=lfs", "--", ":(glob)**/.gitattributes", check=False)
    # Without git-lfs pointers stay, as git itself would leave them.
    if marked.returncode or _git(target, "lfs", "install", "--local", check=False).returncode:
        return
    done = _git(target, "lfs", "pull", "origin", check=False)
    if done.returncode:
        what = f"what is in Git LFS cannot be had: {lfs.reason_of(done)}"
        raise ToolError(what, hint="where it is: git lfs push --all origin")


def isolate(project: Project, source: Path, target: Path, folder: Path) -> None:
    """DVC in the clone: a cache of its own, the remotes of the revision, and each download verified.

    Addresses that are relative lead where they lead from the repository. Credentials are those of its config.local.
    """
    for root in project.roots:
        if (target / root / ".dvc").is_dir():
            _write_config(source / root / ".dvc", target / root / ".dvc", folder)


def _write_config(source: Path, target: Path, folder: Path) -> None:
    config = read_config(target / "config.local")
    for own in (read_config(target / "config"), read_config(source / "config.local")):
        for section in own.sections():
            if section.strip("'").startswith("remote "):
                known = dict(config[section]) if config.has_section(section) else {}
                values = {key: anchored(key, one, source) for key, one in own[section].items()}
                config[section] = {**known, **values, "verify": "true"}
    for section in {"core", "cache"} - set(config.sections()):
        config.add_section(section)
    config["core"].update({"site_cache_dir": str(folder / "site"), "analytics": "false"})
    if remote := read_config(source / "config.local").get("core", "remote", fallback=""):
        config["core"]["remote"] = remote
    config["cache"]["dir"] = str(folder / "cache")
    with (target / "config.local").open("w", encoding="utf-8") as file:
        config.write(file)


def variables(folder: Path) -> dict[str, str]:
    """Caches in which libraries would find what an earlier run has left; runs are logged to nobody.

    Package managers keep theirs: what they install from a lock is verified by its hash.
    """
    home = folder / "home"
    found = {name: str(home / name.lower()) for name in ("HF_HOME", "TORCH_HOME", "KERAS_HOME")}
    found |= {"XDG_CACHE_HOME": str(home / "cache"), "DVC_SITE_CACHE_DIR": str(folder / "site")}
    return {**found, "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}


def used(folder: Path) -> int:
    """Bytes of all files in the folder, each once."""
    found = {}
    for path in folder.rglob("*"):
        info = path.lstat()
        found[info.st_dev, info.st_ino] = info.st_size
    return sum(found.values())


def _git(folder: Path, *arguments: str, check: bool = True) -> Result:
    env = environment_outside_git(GIT_TERMINAL_PROMPT="0", GIT_LFS_SKIP_SMUDGE="1")
    done = run(["git", *arguments], cwd=folder, env=env, timeout=_CLONE_SECONDS)
    if check and done.returncode:
        raise ToolError(f"git {arguments[0]}: {done.last_line}", hint="git fsck")
    return done
