"""`mlops-ci merge-lock`: Git's merge driver for dvc.lock."""

from __future__ import annotations

import posixpath
from pathlib import Path

import click

from mlops_ci.errors import ToolError, UnreadableError, UsageError
from mlops_ci.git import Repository
from mlops_ci.process import run
from mlops_ci.stack.data.dvc.merge import merge as merge_locks
from mlops_ci.text import pathspec, shell_word, visible

NAME = "mlops-ci-lock"
_LINE = f"dvc.lock merge={NAME}"
_FILES = "%O %A %B %P"


@click.command("merge-lock")
@click.argument("files", nargs=-1, metavar="[BASE OURS THEIRS PATH]")
@click.option("--install", is_flag=True, help="Set the driver up in this repository.")
@click.option(
    "--ancestor", is_flag=True, help="The result is the base of another merge: Git sets this."
)
def merge_lock(files: tuple[str, ...], install: bool, ancestor: bool) -> int:
    """Merge dvc.lock stage by stage. Git calls this with the three versions; the result replaces OURS.

    Exit code 0: merged; 1: both sides changed a stage, or the files cannot be merged by stage. Then the path stays in
    conflict, and the stages to run again are named.

    \b
    Examples:
      mlops-ci merge-lock --install           for this clone; commit the .gitattributes that it writes
      git config merge.mlops-ci-lock.driver "mlops-ci merge-lock %O %A %B %P"
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines
    if install:
        return _install()
    if len(files) != 4:
        raise UsageError(
            "needs BASE, OURS, THEIRS and PATH, as Git gives them",
            hint="to set it up: mlops-ci merge-lock --install",
        )
    base, ours, theirs = (Path(name) for name in files[:3])
    return _merge(base, ours, theirs, files[3], ancestor=ancestor)


def _merge(base: Path, ours: Path, theirs: Path, path: str, *, ancestor: bool) -> int:
    try:
        texts = [_read(file) for file in (base, ours, theirs)]
        merged = merge_locks(*texts, ancestor=ancestor)
    except UnreadableError as error:
        return _as_text(base, ours, theirs, path, str(error))
    _write(ours, merged.text)
    if ancestor:
        return 0
    if merged.conflicts:
        names = _names(merged.conflicts)
        _tell(path, f"both sides changed {names}; ours is kept until they run again")
        click.echo(_next(path, (*merged.conflicts, *merged.outdated), first=True), err=True)
    elif merged.outdated:
        _tell(
            path, f"merged; one side of the merge has made anew what {_names(merged.outdated)} read"
        )
        click.echo(_next(path, merged.outdated, first=False), err=True)
    return 1 if merged.conflicts else 0


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError("is not UTF-8") from error
    except OSError as error:
        raise ToolError(f"{file}: {error.strerror}") from error


def _write(file: Path, text: str) -> None:
    """Killed at any moment, this leaves ours or the merged file."""
    new = file.with_name(f"{file.name}.mlops-ci")
    new.write_bytes(text.encode())
    new.replace(file)


def _as_text(base: Path, ours: Path, theirs: Path, path: str, reason: str) -> int:
    """Git's own merge of lines, with its conflict markers."""
    labels = ("-L", "ours", "-L", "base", "-L", "theirs")
    command = ["git", "merge-file", *labels, "--", str(ours), str(base), str(theirs)]
    done = run(command)
    _tell(path, f"merged line by line: {visible(reason, 500)}")
    if done.returncode:
        click.echo(
            f"  keep either side, then run its stages again: git checkout --ours -- {pathspec(path)} && "
            f"{_repro(path, ())}",
            err=True,
        )
    return 1 if done.returncode else 0


def _names(stages: tuple[str, ...]) -> str:
    return ", ".join(visible(name) for name in stages)


def _tell(path: str, what: str) -> None:
    click.echo(f"{visible(path)}: {what}", err=True)


def _next(path: str, stages: tuple[str, ...], *, first: bool) -> str:
    before = "resolve the other files first, then: " if first else "run them again: "
    return f"  the merged code, params and data have not been run together; {before}{_repro(path, stages)}"


def _repro(path: str, stages: tuple[str, ...]) -> str:
    folder = posixpath.dirname(path)
    words = ["dvc repro", *map(shell_word, dict.fromkeys(stages))]
    command = f"{' '.join(words)} && git add dvc.lock"
    return f"cd {shell_word(folder)} && {command}" if folder else command


def _install() -> int:
    repository = Repository.discover(Path.cwd())
    if repository.root is None:
        raise UsageError("a bare repository has nothing to merge into")
    settings = {
        f"merge.{NAME}.name": "dvc.lock, stage by stage",
        f"merge.{NAME}.driver": f"mlops-ci merge-lock {_FILES}",
        f"merge.{NAME}.recursive": f"{NAME}-ancestor",
        f"merge.{NAME}-ancestor.name": "dvc.lock, as the base of another merge",
        f"merge.{NAME}-ancestor.driver": f"mlops-ci merge-lock --ancestor {_FILES}",
    }
    for key, value in settings.items():
        repository.lines("config", key, value)
    written = _add_line(repository.root / ".gitattributes")
    click.echo("dvc.lock is merged stage by stage in this clone.")
    if written:
        click.echo(
            "For all others: git add .gitattributes && git commit; each runs this command once."
        )
    return 0


def _add_line(attributes: Path) -> bool:
    if attributes.is_symlink():  # https://git-scm.com/docs/gitattributes#_notes
        raise UsageError(
            ".gitattributes is a symbolic link, which Git does not follow",
            hint="replace it by the file, and run this again",
        )
    known = attributes.read_bytes() if attributes.exists() else b""
    if _LINE.encode() in known.splitlines():
        return False
    if known and not known.endswith(b"\n"):
        known += b"\n"
    new = attributes.with_name(".gitattributes.mlops-ci")
    new.write_bytes(known + _LINE.encode() + b"\n")
    new.replace(attributes)
    return True
