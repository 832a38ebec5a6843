"""The command line. Errors become exit codes here and nowhere else."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import IO, Any

import click

from mlops_ci import __version__
from mlops_ci.errors import MlopsCiError, ToolError, UsageError
from mlops_ci.signals import stoppable

_INTERRUPTED = 130
# Each is a function of the same name, with _ for -, in a module of the same name, imported when it is called.
COMMANDS = (
    "check", "demo", "diff", "drill", "gate", "history", "merge-lock", "promote", "publish", "record", "report",
    "reproduce", "rollback", "schema", "status", "sync", "train", "why",
)  # fmt: skip
_HELP = {"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "MLOPS_CI"}


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"mlops_ci.commands.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in COMMANDS or args[0].startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from mlops_ci.suggestions import closest

        close = closest(args[0], COMMANDS)
        hint = f"did you mean mlops-ci {close}?" if close else "mlops-ci --help lists them"
        raise UsageError(f"there is no command {args[0]!r}", hint=hint)


@click.group(cls=_Group, context_settings=_HELP)
@click.version_option(__version__, prog_name="mlops-ci")
def cli() -> None:
    """What code has had for years, for machine-learning repositories.

    Exit codes: 0 fine, 1 finding or failed gate, 2 usage or config, 3 undecided, tool or environment,
    4 publishing refused, 70 a bug in mlops-ci.
    """


def main() -> None:
    # A short process frees nothing by looking for cycles often, and reads ten thousand files sooner without.
    gc.set_threshold(500_000)
    code = run()
    gc.freeze()  # nor need it look for them once more at its end
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """The exit code of `mlops-ci ARGUMENTS`."""
    for stream in (sys.stdout, sys.stderr):
        _speak_utf8(stream)
    try:
        with stoppable(once=False):
            code: Any = cli.main(arguments, prog_name="mlops-ci", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - each kind has its exit code
        return _exit_code(error)
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code if isinstance(code, int) else 0


def _exit_code(error: Exception) -> int:
    """What we did not foresee must not look like a failed gate: that is 70, with the traceback."""
    if isinstance(error, MlopsCiError):
        return _report(error)
    if isinstance(error, click.exceptions.Abort):
        return _INTERRUPTED
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        # The reader has gone (`| head`): keep the interpreter from complaining about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, OSError):
        return _report(ToolError(f"cannot write the output: {error.strerror or error}"))
    return _report_bug()


def _report_bug() -> int:
    import traceback

    click.echo(traceback.format_exc(), err=True, nl=False)
    where = "https://github.com/mlops-ci/mlops-ci/issues"
    return _report(
        MlopsCiError("this is a bug in mlops-ci", hint=f"please report the lines above: {where}")
    )


def _report(error: MlopsCiError) -> int:
    for line in str(error).splitlines():
        click.echo(f"{click.style('error', fg='red', bold=True)}: {line}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        click.echo(_annotation(f"{error}\n{error.hint}".strip()), err=True)
    return error.exit_code


def _annotation(text: str) -> str:
    """Shown above the log of the run, and on the pull request.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    for character, escaped in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(character, escaped)
    return f"::error title=mlops-ci::{text}"


def _speak_utf8(stream: IO[str]) -> None:
    """Names need not be UTF-8 and a Windows console need not either: show what cannot be shown escaped."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
