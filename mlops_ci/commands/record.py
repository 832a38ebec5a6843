"""`mlops-ci record`: what made a model, and whether that is still what is here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_ci.commands import options
from mlops_ci.errors import UsageError

if TYPE_CHECKING:
    from mlops_ci.lineage.statement import Statement
    from mlops_ci.record import Verification

_FILE = click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
_JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")
_ALL = click.option(
    "--all", "everything", is_flag=True, help="Also what is the same, and all files."
)


@click.group()
def record() -> None:
    """Records: what made a model, bound to its bytes.

    A training run leaves one in .mlops-ci/records. FILE is a Record; without it, the newest of this work tree.

    \b
    Examples:
      mlops-ci record show             what the last training was made from
      mlops-ci record verify           hash everything again: is that what is here?
      mlops-ci record push             to its MLflow run
      mlops-ci record push --note --remote origin
    """  # noqa: D301 - \b is click's mark for a block that keeps its lines


@record.command()
@_FILE
@_ALL
@_JSON
def show(file: Path | None, everything: bool, as_json: bool) -> int:
    """Print a Record: model, metrics, params, data, code, environment, machine, seeds. With --json, its Statements."""
    from mlops_ci.lineage import provenance, verdicts
    from mlops_ci.report import machine, records

    path, statements = _read(file)
    found = provenance.parse(statements, str(path))
    judged = verdicts.parse(statements, str(path))
    if as_json:
        body = {"schema_version": 1, "record": str(path), "statements": statements}
        click.echo(machine.strict_json(body), nl=False)
    else:
        shown = records.show(found, judged, everything=everything, colour=options.wants_colour())
        click.echo(shown, nl=False, color=True)
    return 0


@record.command()
@_FILE
@_ALL
@_JSON
def verify(file: Path | None, everything: bool, as_json: bool) -> int:
    """Compare a Record with this work tree, byte by byte.

    Model, data, code, environment, metrics, params, dvc.lock and the Git tree: everything is read and hashed again,
    whatever DVC says of it. Exit code 0: all is the same; 1: something differs; 3: nothing differs, but something
    could not be decided, such as data that is not here.
    """
    from mlops_ci.lineage.verify import verify as verified
    from mlops_ci.report import records

    path, statements = _read(file)
    found = verified(Path.cwd(), statements, str(path), lambda text: click.echo(text, err=True))
    code = _exit_code(found)
    if as_json:
        click.echo(records.verified_json(found, str(path), code), nl=False)
    else:
        colour = options.wants_colour()
        shown = records.verified(found, str(path), everything=everything, colour=colour)
        click.echo(shown, nl=False, color=True)
    return code


@record.command()
@_FILE
@click.option("--note", is_flag=True, help="Also as a Git note, refs/notes/mlops-ci.")
@click.option(
    "--remote",
    type=options.Remote(),
    default="",
    metavar="NAME",
    help="With --note: join the notes with those of this remote, and push them.",
)
@_JSON
def push(file: Path | None, note: bool, remote: str, as_json: bool) -> int:
    """Send a Record to the MLflow runs that it names: the digest as tag mlops_ci.record, the Record as artifact.

    A run that was logged locally, because the tracker could not be reached, is sent as well. Everything is read
    back, and can be repeated: what is there is not sent again. The address is that of MLFLOW_TRACKING_URI.

    Exit code 3: MLflow cannot be reached; 4: it does not let us write (401, 403).
    """
    from mlops_ci.git import Repository
    from mlops_ci.lineage import push as pushing
    from mlops_ci.report import records

    if remote and not note:
        raise UsageError("--remote is where the note goes", hint="add: --note")
    repository = Repository.discover(Path.cwd())
    path, statements = _read(file)
    added = pushing.to_notes(repository, statements, str(path), remote) if note else None
    found = pushing.to_tracker(repository, statements, str(path))
    if not found and not note:
        hint = "train with MLflow, or: mlops-ci record push --note"
        raise UsageError(f"{path} names no tracked run: there is nowhere to send it", hint=hint)
    shown = records.pushed_json if as_json else records.pushed
    click.echo(shown(found, str(path), note_added=added), nl=False)
    return 0


def _exit_code(found: list[Verification]) -> int:
    if any(one.with_result("different") for one in found):
        return 1
    return 3 if any(one.with_result("unknown") for one in found) else 0


def _read(file: Path | None) -> tuple[Path, list[Statement]]:
    from mlops_ci.git import Repository
    from mlops_ci.lineage import store

    if file is not None:
        return file, store.read(file)
    root = Repository.discover(Path.cwd()).root
    newest = store.newest(root) if root else None
    if newest is None:
        raise UsageError(
            "no training has left a Record here", hint="mlops-ci train, or name a Record"
        )
    path = Path(os.path.relpath(newest))
    return path, store.read(path)
