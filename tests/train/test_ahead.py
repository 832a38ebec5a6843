"""What is hashed while DVC looks: it is there for the Record, and is given up when a stage runs."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from mlops_ci.train.ahead import hashing
from mlops_ci.train.place import Place

if TYPE_CHECKING:
    from tests.conftest import Repo

pytestmark = pytest.mark.skipif(os.name == "nt", reason="has no time of a change of status")
DAY_NS = 86_400 * 10**9
LOCK = """\
schema: '2.0'
stages:
  train:
    cmd: sh train.sh
    outs:
    - {path: model.bin, hash: md5, md5: 0cc175b9c0f1b6a831c399e269772661, size: 1}
"""


@pytest.fixture
def place(pipeline: Repo, monkeypatch: pytest.MonkeyPatch) -> Place:
    pipeline.write("dvc.lock", LOCK)
    pipeline.write("model.bin", "a")
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + DAY_NS)
    return Place(pipeline.path)


def seen(place: Place) -> str | None:
    found = place.seen.get((place.root / "model.bin").stat())
    return found.sha256 if found else None


def test_outputs_are_known_when_dvc_has_looked(place: Place) -> None:
    with hashing(place, forced=False):
        pass
    assert seen(place) == hashlib.sha256(b"a").hexdigest()


def test_nothing_is_hashed_that_will_surely_be_made_again(place: Place) -> None:
    with hashing(place, forced=True):
        pass
    assert seen(place) is None


def test_it_ends_when_a_stage_begins_to_run(place: Place) -> None:
    os.truncate(place.root / "model.bin", 1 << 40)  # nobody hashes that in the time of a test
    with hashing(place, forced=False) as changing:
        changing()
    assert seen(place) is None
