"""What a Record says of the first run, against the second."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mlops_ci.lineage import machine
from mlops_ci.lineage.run import EnvironmentLock, TrainingRun
from mlops_ci.record import Provenance, RecordedLock
from mlops_ci.reproduce.causes import circumstances

LOCK = EnvironmentLock(path="uv.lock", tool="uv", sha256="a" * 64, in_sync="yes")
RUN = TrainingRun(
    command=("dvc", "repro"), started="", finished="", commit="c", python="3.11.7",
    environments=(LOCK,), variables={"OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "0"},
)  # fmt: skip


def recorded(**known: Any) -> Provenance:
    facts: dict[str, Any] = {
        "model": "m", "command": (), "params": {}, "files": (), "external": (), "commit": "c",
        "tree": "", "dirty": (), "lock_digest": "", "python": RUN.python, "seeds": (),
        "environments": (RecordedLock(path="uv.lock", tool="uv", sha256="a" * 64, in_sync="yes"),),
        "variables": dict(RUN.variables), "machine": machine.describe(), "persist": "none",
        "started": "", "finished": "", "builder": "", "run_url": "", "runs": (), "unread": (),
    }  # fmt: skip
    return Provenance(**(facts | known))


def test_the_same_circumstances_explain_nothing() -> None:
    assert list(circumstances(recorded(), RUN)) == []
    assert list(circumstances(None, RUN)) == []


@pytest.mark.parametrize(
    ("known", "kind", "words"),
    [
        ({"python": "3.10.2"}, "interpreter", "Python 3.11.7 here, 3.10.2 when"),
        ({"machine": {**machine.describe(), "cpu": "Z80"}}, "machine", "Z80 when it was recorded"),
        ({"machine": {**machine.describe(), "gpu": "H100"}}, "machine", "GPU: none here, H100"),
        ({"variables": {"PYTHONHASHSEED": "0"}}, "threads", "OMP_NUM_THREADS: 2 here, not set"),
        ({"variables": {"OMP_NUM_THREADS": "2"}}, "seed", "PYTHONHASHSEED: 0 here, not set"),
        ({"environments": ()}, "package", "uv.lock is not the lock file"),
    ],
)
def test_what_is_other_is_named(known: dict[str, Any], kind: str, words: str) -> None:
    (cause,) = circumstances(recorded(**known), RUN)
    assert cause.kind == kind
    assert words in cause.message
    assert not cause.measured


def test_packages_that_were_not_what_the_lock_says_are_named() -> None:
    lock = RecordedLock(path="uv.lock", tool="uv", sha256="a" * 64, in_sync="no")
    (cause,) = circumstances(recorded(environments=(lock,)), RUN)
    assert cause.message == "what was installed when it was recorded was not what uv.lock says"
    without = dataclasses.replace(RUN, environments=())
    (cause,) = circumstances(recorded(environments=()), without)
    assert cause.message.startswith("no lock file")
