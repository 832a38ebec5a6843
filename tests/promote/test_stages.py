from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from mlops_ci.git import Repository
from mlops_ci.promote import stages, tags
from tests.promote.histories import History, by_gto, generate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_ci.promote.stages import ModelState


def read(folder: Path) -> dict[str, ModelState]:
    return stages.states(tags.read(Repository.discover(folder)))


def ours(folder: Path) -> dict[str, tuple[list[str], dict[str, tuple[str, str]]]]:
    return {
        state.name: (
            [one.version for one in state.versions],
            {one.stage: (one.version, one.tag.commit) for one in state.holders},
        )
        for state in read(folder).values()
        if not state.deprecated
    }


@pytest.mark.real
def test_agrees_with_gto(tmp_path: Path, scale: Callable[[int, int], int]) -> None:
    for seed in range(scale(40, 600)):
        folder = generate(seed).write(tmp_path / str(seed))
        assert ours(folder) == by_gto(folder), f"seed {seed}"


def one_model(tmp_path: Path, *made: tuple[str, int, int], commits: int = 3) -> ModelState:
    return read(History(tags=list(made), commits=commits).write(tmp_path / "repo"))["m"]


def test_the_newest_assignment_holds_a_stage_whatever_its_counter(tmp_path: Path) -> None:
    state = one_model(
        tmp_path, ("m@v1.0.0", 0, 0), ("m@v2.0.0", 1, 1), ("m#prod#5", 0, 3), ("m#prod#4", 1, 9)
    )
    holder = state.holder("prod")
    assert holder is not None
    assert (holder.version, holder.tag.name) == ("v2.0.0", "m#prod#4")
    assert [one.version for one in state.versions] == ["v2.0.0", "v1.0.0"]


def test_an_assignment_taken_back_leaves_the_one_before(tmp_path: Path) -> None:
    state = one_model(
        tmp_path,
        ("m@v1.0.0", 0, 0), ("m#prod#1", 0, 1), ("m@v2.0.0", 1, 2), ("m#prod#2", 1, 3), ("m#prod!#3", 1, 4),
    )  # fmt: skip
    holder = state.holder("prod")
    assert holder is not None
    assert holder.version == "v1.0.0"


def test_two_versions_at_one_commit_do_not_stop_the_rest(tmp_path: Path) -> None:
    state = one_model(
        tmp_path, ("m@v1.0.0", 0, 0), ("m@v1.0.1", 0, 1), ("m#prod#1", 0, 2), ("m#dev#2", 1, 3)
    )
    assert [one.version for one in state.versions] == ["v1.0.1", "v1.0.0"]
    assert [one.stage for one in state.holders] == ["dev"]
    assert state.problems == (
        "m#prod#1 is at a commit with several versions: which one it means is open",
    )


def test_of_two_versions_at_one_commit_the_one_that_is_registered_is_meant(tmp_path: Path) -> None:
    state = one_model(
        tmp_path, ("m@v1.0.0", 0, 0), ("m@v1.0.1", 0, 1), ("m@v1.0.0!", 0, 2), ("m#prod#1", 0, 3)
    )
    holder = state.holder("prod")
    assert holder is not None
    assert holder.version == "v1.0.1"


def test_an_assignment_of_a_bare_commit_can_be_taken_back(tmp_path: Path) -> None:
    assert not one_model(tmp_path, ("m#prod#1", 0, 0), ("m#prod!#2", 0, 1)).holders


def test_a_deregistration_elsewhere_is_said(tmp_path: Path) -> None:
    state = one_model(tmp_path, ("m@v1.0.0", 0, 0), ("m@v1.0.0!", 1, 1))
    assert [one.version for one in state.versions] == ["v1.0.0"]
    assert state.problems == ("m@v1.0.0! is not at the commit of v1.0.0: it withdraws nothing",)


def test_the_reserved_name_is_said(tmp_path: Path) -> None:
    state = one_model(tmp_path, ("m@created", 0, 0), ("m@v1.0.0", 0, 1))
    assert len(state.versions) == 1
    assert state.problems == ("m@created is a name that GTO reserves and then fails on",)


def test_a_deprecation_does_not_depend_on_the_dates_of_commits(tmp_path: Path) -> None:
    assert one_model(tmp_path, ("m@v1.0.0", 0, -90_000), ("m@deprecated", 0, -80_000)).deprecated


def test_only_annotated_tags_at_commits_count(tmp_path: Path) -> None:
    folder = History(tags=[("m@v1.0.0", 0, 0)]).write(tmp_path / "repo")

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=folder, check=True)

    git("tag", "m#prod#1", "main")
    git("tag", "-a", "-m", "x", "m#prod#2", "main^{tree}")
    git("tag", "-a", "-m", "x", "m#prod#3", "m@v1.0.0")
    state = read(folder)["m"]
    assert [one.tag.name for one in state.holders] == []
    assert state.problems[0] == "m#prod#1 is lightweight: it has no tagger and no time"
    assert state.problems[1] == "m#prod#2 points to a tree, not to a commit"


def test_messages_and_odd_bytes_in_tags_shift_nothing(tmp_path: Path) -> None:
    folder = History(tags=[("m@v1.0.0", 0, 0)]).write(tmp_path / "repo")
    message = b"\n\n a\x01b\n\xff\xfe m#prod#9 \n"
    tag = ["git", "tag", "-a", "-F", "-", "m#prod#1", "main"]
    subprocess.run(tag, cwd=folder, check=True, input=message)
    subprocess.run(["git", "tag", "-a", "-m", "z", "z#prod#1", "main"], cwd=folder, check=True)
    found = {tag.name: tag for tag in tags.read(Repository.discover(folder))}
    assert sorted(found) == ["m#prod#1", "m@v1.0.0", "z#prod#1"]
    assert found["m#prod#1"].email == "test@example.com"
    assert found["z#prod#1"].message == "z"
