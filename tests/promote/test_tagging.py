from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from mlops_ci.errors import ToolError
from mlops_ci.git import Repository
from mlops_ci.promote import grammar, tagging, tags
from mlops_ci.promote.stages import states
from tests.promote.histories import History

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    made = [("m@v1.0.0", 0, 0), ("m#prod#4", 0, 60), ("m@v1.1.0", 1, 90)]
    return History(tags=made, commits=2).write(tmp_path / "origin")


@pytest.fixture
def clone(origin: Path, tmp_path: Path) -> Path:
    git(tmp_path, "clone", "-q", str(origin), "clone")
    return tmp_path / "clone"


def assign(clone: Path, commit: str = "m@v1.1.0^{commit}") -> str:
    repository = Repository.discover(clone)
    known = tags.read(repository)
    request = grammar.Request(
        kind="assign", model="m", stage="prod", counter=tagging.next_counter(known, "m")
    )
    return tagging.create(
        repository, request, git(clone, "rev-parse", commit), "promote m\n", known
    )


def holder(folder: Path) -> str:
    found = states(tags.read(Repository.discover(folder)))["m"].holder("prod")
    return found.version if found else ""


def test_a_new_assignment_holds_the_stage_here_and_after_the_push(
    origin: Path, clone: Path
) -> None:
    assert holder(clone) == "v1.0.0"
    name = assign(clone)
    assert name == "m#prod#5"
    assert (holder(clone), holder(origin)) == ("v1.1.0", "v1.0.0")
    git(clone, "push", "-q", "origin", name)
    assert holder(origin) == "v1.1.0"


def test_a_tag_is_later_than_all_others_whatever_the_clock_says(clone: Path) -> None:
    future = int(time.time()) + 86_400
    environ = {**os.environ, "GIT_COMMITTER_DATE": f"{future} +0000"}
    subprocess.run(
        ["git", "tag", "-a", "-m", "x", "m#prod#9", "m@v1.0.0^{}"],
        cwd=clone,
        env=environ,
        check=True,
    )
    assert assign(clone) == "m#prod#10"
    assert holder(clone) == "v1.1.0"
    assert max(tag.time for tag in tags.read(Repository.discover(clone))) == future + 1


def forge(clone: Path, name: str, seconds: int) -> None:
    """As anybody can write a tag who does not use `git tag`."""
    commit = git(clone, "rev-parse", "m@v1.1.0^{}")
    text = f"object {commit}\ntype commit\ntag {name}\ntagger Eve <eve@example.com> {seconds} +0000\n\nx\n"
    command = ["git", "hash-object", "-t", "tag", "-w", "--literally", "--stdin"]
    made = subprocess.run(command, cwd=clone, input=text.encode(), capture_output=True, check=True)
    git(clone, "update-ref", f"refs/tags/{name}", made.stdout.decode().strip())


@pytest.mark.parametrize("seconds", [tags.LAST_TIME + 1, 10**12, 2**63, 10**23])
def test_a_time_that_no_calendar_has_counts_for_nothing(clone: Path, seconds: int) -> None:
    forge(clone, "m#prod#5", seconds)
    assert holder(clone) == "v1.0.0"
    assert assign(clone, "m@v1.0.0^{commit}") == "m#prod#6"
    assert (
        max(tag.time for tag in tags.read(Repository.discover(clone)) if not tag.problem) < 10**11
    )


@pytest.mark.parametrize("seconds", [4_102_444_800, tags.LAST_TIME - 1])
def test_a_tag_of_a_far_time_stops_no_other(clone: Path, seconds: int) -> None:
    """Git itself reads no plain time after 2099."""
    forge(clone, "m#prod#5", seconds)
    assert assign(clone, "m@v1.0.0^{commit}") == "m#prod#6"
    assert holder(clone) == "v1.0.0"
    assert max(tag.time for tag in tags.read(Repository.discover(clone))) == seconds + 1


def test_the_last_second_of_the_calendar_is_in_the_way(clone: Path) -> None:
    forge(clone, "m#prod#5", tags.LAST_TIME)
    with pytest.raises(ToolError, match=r"no tag can be later than m#prod#5"):
        assign(clone)


def test_a_counter_as_long_as_counters_can_be(clone: Path) -> None:
    forge(clone, f"m#prod#{10**18 - 1}", 1)
    assert assign(clone) == "m#prod#1"
    assert assign(clone) == "m#prod#2"


def test_a_name_that_is_taken(clone: Path) -> None:
    repository = Repository.discover(clone)
    request = grammar.Request(kind="assign", model="m", stage="prod", counter=4)
    with pytest.raises(
        ToolError, match=r"m#prod#4 cannot be made: fatal: tag 'm#prod#4' already exists"
    ):
        tagging.create(repository, request, git(clone, "rev-parse", "HEAD"), "x", [])


def test_fetch_brings_new_tags_and_names_those_that_moved(origin: Path, clone: Path) -> None:
    git(origin, "tag", "-a", "-m", "x", "m@v2.0.0", "main")
    git(origin, "tag", "-f", "-a", "-m", "x", "m@v1.0.0", "main")
    before = git(clone, "rev-parse", "m@v1.0.0")
    assert tagging.fetch(Repository.discover(clone), "origin") == ["m@v1.0.0"]
    assert git(clone, "rev-parse", "m@v1.0.0") == before
    assert git(clone, "rev-parse", "m@v2.0.0") == git(origin, "rev-parse", "m@v2.0.0")


def test_tags_that_cannot_be_written_here_are_not_passed_over(origin: Path, clone: Path) -> None:
    """Git writes all or none of them: with one in the way, old tags would tell what holds a stage."""
    git(clone, "tag", "x")
    git(origin, "tag", "x/y")
    git(origin, "tag", "-a", "-m", "x", "m#prod#5", "m@v1.1.0^{}")
    with pytest.raises(
        ToolError, match=r"the tags of origin cannot be written here: .*'refs/tags/x'"
    ):
        tagging.fetch(Repository.discover(clone), "origin")


def test_a_tag_that_asks_for_nothing_may_move(origin: Path, clone: Path) -> None:
    """`nightly`, `v1`: who moves them tampers with nothing."""
    for commit in ("m@v1.0.0^{}", "main"):
        git(origin, "tag", "-f", "nightly", commit)
        assert tagging.fetch(Repository.discover(clone), "origin") == []


def test_a_flattened_tag_is_made_whole(clone: Path) -> None:
    git(clone, "tag", "-f", "m#prod#4", "m#prod#4^{commit}")
    assert holder(clone) == ""
    assert tagging.fetch(Repository.discover(clone), "origin") == []
    assert holder(clone) == "v1.0.0"


def test_a_shallow_clone_of_one_tag_gets_all_of_them(origin: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", "--no-tags", f"file://{origin}", "shallow")
    assert tagging.fetch(Repository.discover(tmp_path / "shallow"), "origin") == []
    assert holder(tmp_path / "shallow") == "v1.0.0"


def test_a_remote_that_is_not_there(clone: Path) -> None:
    git(clone, "remote", "set-url", "origin", str(clone / "gone"))
    with pytest.raises(ToolError, match="the tags of origin cannot be fetched: fatal: "):
        tagging.fetch(Repository.discover(clone), "origin")
