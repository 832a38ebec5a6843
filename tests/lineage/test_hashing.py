"""What is not read again: only what cannot have changed since."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from mlops_ci.lineage.hashing import Digests, Seen, hash_paths

if TYPE_CHECKING:
    from pathlib import Path

DAY_NS = 86_400 * 10**9


def sha256(root: Path, seen: Seen) -> str:
    found = hash_paths(root, ["data.csv"], lambda _: False, seen)["data.csv"]
    assert isinstance(found, Digests)
    return found.sha256


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "data.csv"
    file.write_bytes(b"1,2\n")
    return file


@pytest.mark.skipif(os.name == "nt", reason="has no time of a change of status")
def test_what_has_not_changed_is_not_read_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, now = Seen(), time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + DAY_NS)
    first = sha256(file.parent, seen)
    monkeypatch.setattr(os, "read", lambda *_: pytest.fail("it is read again"))
    assert sha256(file.parent, seen) == first == hashlib.sha256(b"1,2\n").hexdigest()


@pytest.mark.parametrize("in_place", [True, False])
def test_other_bytes_of_the_same_size_and_time_are_read(
    file: Path, monkeypatch: pytest.MonkeyPatch, *, in_place: bool
) -> None:
    seen, before, now = Seen(), file.stat(), time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + DAY_NS)
    sha256(file.parent, seen)
    changed = file if in_place else file.with_name("new")
    changed.write_bytes(b"9,9\n")
    changed.replace(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sha256(file.parent, seen) == hashlib.sha256(b"9,9\n").hexdigest()


def test_a_file_that_has_just_changed_may_change_again_in_the_same_tick(file: Path) -> None:
    seen = Seen()
    sha256(file.parent, seen)
    assert seen.get(file.stat()) is None
