"""Signals that end a process: here they end the work inside it first, so that nothing is left half done."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlops_ci.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class _Stop(BaseException):
    """On its way from where the signal came to the end of `stoppable`. No Exception: nobody takes it for a failure."""


@contextmanager
def stoppable(kept: str = "", *, once: bool = True) -> Iterator[None]:
    """Raises StoppedError when a signal comes, after all that is inside has tidied up. `kept`: what is left then.

    `once`: others that follow are ignored, as they would come in the middle of tidying up.
    """

    def stop(signum: int, _frame: FrameType | None) -> None:
        ignore(before if once else ())
        raise _Stop(signal.Signals(signum).name)

    before = {signum: signal.signal(signum, stop) for signum in ending()}
    try:
        yield
    except _Stop as stopped:
        what = f"stopped by {stopped}" + (f"; {kept}" if kept else "")
        raise StoppedError(what, signal=str(stopped)) from None
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def ending() -> list[signal.Signals]:
    """Those that end this process, not what it was started to ignore, as by nohup. In a thread none, it gets none."""
    if threading.current_thread() is not threading.main_thread():
        return []
    known = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    return [one for one in known if signal.getsignal(one) is not signal.SIG_IGN]


def ignore(signals: Iterable[signal.Signals]) -> None:
    for one in signals:
        signal.signal(one, signal.SIG_IGN)


def leave_signals() -> None:
    """For threads beside the main one, which alone runs handlers: not before it wakes, if another took the signal.

    https://docs.python.org/3/library/signal.html#signals-and-threads
    """
    if hasattr(signal, "pthread_sigmask"):
        known = [getattr(signal, name) for name in _NAMES]
        signal.pthread_sigmask(signal.SIG_BLOCK, known)
