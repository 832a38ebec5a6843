"""A signal ends the work in order: what is inside tidies up, and one line says what has happened."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci import cli
from mlops_ci.errors import StoppedError
from mlops_ci.signals import ending, stoppable

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
NAMES = ["SIGINT", "SIGTERM", "SIGHUP"]


@pytest.fixture(autouse=True)
def _heeded() -> Iterator[None]:
    """None is ignored at first, however the tests were started."""
    chosen = [getattr(signal, name) for name in NAMES]
    before = {one: signal.signal(one, signal.SIG_DFL) for one in chosen}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


def send(name: str) -> None:
    os.kill(os.getpid(), getattr(signal, name))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_inside_tidies_up_undisturbed(name: str) -> None:
    tidied = []

    def work() -> None:
        try:
            send(name)
        except Exception:  # noqa: BLE001 - a stop is no failure
            pytest.fail("it was taken for a failure")
        finally:
            send("SIGTERM")
            tidied.append(name)

    with (
        pytest.raises(StoppedError, match=f"^stopped by {name}; all is kept$") as caught,
        stoppable("all is kept"),
    ):
        work()
    assert tidied == [name]
    assert caught.value.exit_code == (130 if name == "SIGINT" else 3)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_what_nohup_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stoppable():
        send("SIGHUP")
    assert signal.SIGHUP not in ending()


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 3)])
def test_also_before_a_command_has_begun(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, name: str, code: int
) -> None:
    monkeypatch.setattr(cli, "import_module", lambda _: send(name))
    assert cli.run(["train"]) == code
    assert capsys.readouterr().err == f"error: stopped by {name}\n"
