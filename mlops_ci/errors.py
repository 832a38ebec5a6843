"""One family of errors. Every kind has its own exit code, so that a caller can tell a bad gate from a bad day."""

from __future__ import annotations

from typing import Any


class MlopsCiError(Exception):
    """Something a user can act on: what happened, and the next command to type.

    `hint` is one line, usually a command. `exit_code` is the process's exit code: 0 fine, 1 finding or
    failed gate, 2 usage or config, 3 undecided, tool or environment, 4 publishing refused, 70 our bug.
    `facts`: what else is known of it, for machines.
    """

    exit_code = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.facts: dict[str, Any] = {}


class UsageError(MlopsCiError):
    """The call names something that is not there."""

    exit_code = 2


class ConfigError(UsageError):
    """`mlops-ci.yaml` is wrong. The message has one line a problem, `file:line:col: what`."""


class ToolError(MlopsCiError):
    """A tool or the environment cannot do what is asked: no git, no history, no server."""

    exit_code = 3


class PublishError(MlopsCiError):
    """What should be shown or kept elsewhere is not taken there, or must not go there. It is still here.

    It never hides a verdict.
    """

    exit_code = 4


class UnreadableError(MlopsCiError):
    """One file or one object cannot be read. Callers turn it into an `Unknown`; it never stops the rest."""

    exit_code = 3


class StageError(MlopsCiError):
    """A stage of the user's pipeline fails: what it should have made is not there."""

    exit_code = 1


class StoppedError(ToolError):
    """A signal has stopped the work: that of a cancelled job, or Ctrl-C. `signal`: its name.

    The exit code of Ctrl-C is that of shells, 128 + 2.
    """

    def __init__(self, message: str, *, signal: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.signal = signal
        if signal == "SIGINT":
            self.exit_code = 130


class RefusedError(MlopsCiError):
    """What is asked for is refused: evidence is missing, has failed, or is of something else."""

    exit_code = 1
