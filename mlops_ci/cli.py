"""The command line. Errors become exit codes here and nowhere else."""

from __future__ import annotations

import os
import sys
from typing import IO, Any

import click

from mlops_ci import __version__
from mlops_ci.commands.diff import diff
from mlops_ci.commands.gate import gate
from mlops_ci.errors import MlopsCiError

_HELP = {"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "MLOPS_CI"}


@click.group(context_settings=_HELP)
@click.version_option(__version__, prog_name="mlops-ci")
def cli() -> None:
    """What code has had for years, for machine-learning repositories.

    Exit codes: 0 fine, 1 finding or failed gate, 2 usage or config, 3 undecided, tool or environment,
    4 publishing refused, 70 a bug in mlops-ci.
    """


for command in (diff, gate):
    cli.add_command(command)


def main() -> None:
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """The exit code of `mlops-ci ARGUMENTS`."""
    for stream in (sys.stdout, sys.stderr):
        _speak_utf8(stream)
    try:
        code: Any = cli.main(arguments, prog_name="mlops-ci", standalone_mode=False)
    except MlopsCiError as error:
        return _report(error)
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # The reader has gone (`| head`): keep the interpreter from complaining about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0


def _report(error: MlopsCiError) -> int:
    for line in str(error).splitlines():
        click.echo(f"{click.style('error', fg='red', bold=True)}: {line}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)
    return error.exit_code


def _speak_utf8(stream: IO[str]) -> None:
    """Names need not be UTF-8 and a Windows console need not either: show what cannot be shown escaped."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
