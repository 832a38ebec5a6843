"""A program in a process group of its own: its output line by line, a time limit, no survivors when it is stopped."""

from __future__ import annotations

import codecs
import os
import queue
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from mlops_ci.errors import ToolError
from mlops_ci.signals import ending, leave_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

# GitHub gives a cancelled job 7.5 s between the first signal and the second, and 2.5 s more.
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation
_GRACE_SECONDS = 5.0
# What is still in the pipe when the program has ended; a process that it left behind may hold the pipe open.
_REST_SECONDS = 1.0
_POLL_SECONDS = 0.25
_MAX_LINE = 64 * 1024
# Lines that may wait to be shown: a program that says more has to wait.
_WAITING = 10_000


@dataclass(frozen=True, kw_only=True)
class Ended:
    """`stopped`: why the program was stopped before its end, `timeout` or the signal that this process got; else ""."""

    returncode: int
    stopped: str = ""


def follow(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    line: Callable[[str], None],
    deadline: float | None = None,
) -> Ended:
    """Run to the end, and give each line of stdout and stderr to `line` as it comes, without its end.

    `deadline`: on the clock of time.monotonic. Raises ToolError when the program cannot be started.
    """
    group = _Group()
    with _forwarded(group):  # from before its start: no signal finds it alone
        group.start(command, cwd, env)
        try:
            _pass_on(group, line, deadline)
        except BaseException:  # also a reader of ours that has gone
            group.stop("error")
            group.kill()
            group.wait()
            raise
        return Ended(returncode=group.wait(), stopped=group.stopped)


class _Group:
    def __init__(self) -> None:
        self.stopped = ""
        self.lines: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._kill_at: float | None = None
        self._pid: int | None = None

    def start(self, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        try:
            self._process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except FileNotFoundError as error:
            raise ToolError(f"{command[0]} is not installed or not on PATH") from error
        except OSError as error:
            raise ToolError(f"{command[0]} cannot be started: {error.strerror}") from error
        self._pid = self._process.pid
        if self.stopped:  # before it could be told
            self._send(signal.SIGTERM)
        reader = threading.Thread(target=self._read, daemon=True)
        reader.start()

    def _read(self) -> None:
        leave_signals()
        with cast("IO[bytes]", self._process.stdout) as stream:
            for text in _lines(stream):
                self.lines.put(text)
        self.lines.put(None)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self, why: str, signum: int = signal.SIGTERM) -> None:
        """Ask the whole group to end; after a while it is not asked any more."""
        self.stopped = self.stopped or why
        self._kill_at = self._kill_at or time.monotonic() + _GRACE_SECONDS
        self._send(signum)

    def kill_when_late(self) -> None:
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self.kill()

    def kill(self) -> None:
        self._send(getattr(signal, "SIGKILL", signal.SIGTERM))

    def wait(self) -> int:
        """The program has ended or will at once; of a stopped group nobody is left."""
        if self.stopped:
            self.nap(max(0.0, (self._kill_at or 0.0) - time.monotonic()))
            self.kill()
        return self._process.wait()

    def nap(self, seconds: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def _send(self, signum: int) -> None:
        if self._pid is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self._pid, signum)
            else:
                tree = ["taskkill", "/F", "/T", "/PID", str(self._pid)]
                subprocess.run(tree, capture_output=True, check=False)


def _pass_on(group: _Group, line: Callable[[str], None], deadline: float | None) -> None:
    """Until the program has ended and all that it said is passed on."""
    ended_at: float | None = None
    heard_all = False
    while True:
        now = time.monotonic()
        if deadline is not None and now >= deadline and not group.stopped:
            group.stop("timeout")
        group.kill_when_late()
        if ended_at is None and not group.running:
            ended_at = now
        if ended_at is not None and (heard_all or now - ended_at >= _REST_SECONDS):
            return
        if heard_all:
            group.nap(_POLL_SECONDS)
            continue
        with suppress(queue.Empty):
            text = group.lines.get(timeout=_POLL_SECONDS)
            heard_all = text is None
            if text is not None:
                line(text)


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """A progress bar ends its lines with a carriage return; what has no end for long is cut."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    rest = ""
    while chunk := os.read(stream.fileno(), _MAX_LINE):
        *whole, rest = (rest + decode(chunk)).split("\n")
        for text in whole:
            yield from _drawn(text)
        # The last one may be half of a line's end.
        drawn, _, new = rest[:-1].rpartition("\r")
        if drawn or len(rest) > _MAX_LINE:
            yield from _drawn(drawn or rest)
            rest = new + rest[-1:] if drawn else ""
    if rest:
        yield from _drawn(rest + decode(b"", final=True))


def _drawn(text: str) -> list[str]:
    return [one for one in text.split("\r") if one] or [""]


@contextmanager
def _forwarded(group: _Group) -> Iterator[None]:
    """Signals that would end this process go to the group first."""

    def handle(signum: int, _frame: FrameType | None) -> None:
        group.stop(signal.Signals(signum).name, signum)

    before = {signum: signal.signal(signum, handle) for signum in ending()}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
