"""dvc.lock merged by Git itself, with the driver as `--install` sets it up."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlops_ci.cli import run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

LOCK = "dvc.lock"


def entry(path: str, number: int) -> dict[str, str]:
    return {"path": path, "hash": "md5", "md5": f"{number:032x}"}


def stage(name: str, number: int, reads: tuple[str, int] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"cmd": f"run {name}"}
    if reads:
        body["deps"] = [entry(*reads)]
    return {
        **body,
        "params": {"params.yaml": {"lr": number}},
        "outs": [entry(f"{name}.bin", number)],
    }


def lock(**stages: dict[str, Any]) -> str:
    return yaml.safe_dump({"schema": "2.0", "stages": stages}, sort_keys=False, allow_unicode=True)


def stages(repo: Any, path: str = LOCK) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((repo.path / path).read_text("utf-8"))
    return loaded["stages"] or {}


A, B, C = (stage(name, 1) for name in "abc")
BASE = lock(a=A, b=B, c=C)


@pytest.fixture
def merging(repo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A repository with the driver, and a base that is committed."""
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "mlops-ci"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mlops_ci "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(repo.path)
    assert run(["merge-lock", "--install"]) == 0
    repo.commit(**{LOCK: BASE})
    return repo


def git(repo: Any, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(["git", *arguments], cwd=repo.path, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def sides(repo: Any, ours: str, theirs: str, path: str = LOCK) -> None:
    """Branch `theirs`, and `main` with ours."""
    repo.git("checkout", "-q", "-b", "theirs")
    repo.commit(**{path: theirs})
    repo.git("checkout", "-q", "main")
    repo.commit(**{path: ours})


def test_different_stages_are_merged_though_their_lines_touch(merging: Any) -> None:
    sides(merging, lock(a=stage("a", 2), b=B, c=C), lock(a=A, b=stage("b", 2), c=C))
    assert git(merging, "merge", "theirs")[0] == 0
    assert stages(merging) == {"a": stage("a", 2), "b": stage("b", 2), "c": C}


def test_new_stages_of_both_sides_stand_side_by_side(merging: Any) -> None:
    sides(merging, lock(a=A, b=B, c=C, d=stage("d", 1)), lock(a=A, b=B, x=stage("x", 1), c=C))
    assert git(merging, "merge", "theirs")[0] == 0
    assert list(stages(merging)) == ["a", "b", "x", "c", "d"]


def test_without_the_driver_the_same_merge_is_a_conflict(merging: Any) -> None:
    """Or else these tests would test nothing."""
    merging.commit(**{".gitattributes": ""})
    sides(merging, lock(a=A, b=B, c=C, d=stage("d", 1)), lock(a=A, b=B, c=C, x=stage("x", 1)))
    assert git(merging, "merge", "theirs")[0] == 1
    assert b"<<<<<<<" in (merging.path / LOCK).read_bytes()


def test_a_stage_that_both_sides_changed_is_named(merging: Any) -> None:
    sides(merging, lock(a=A, b=stage("b", 2), c=C), lock(a=A, b=stage("b", 3), c=stage("c", 3)))
    code, output = git(merging, "merge", "theirs")
    assert code == 1
    assert "dvc.lock: both sides changed b; ours is kept until they run again" in output
    assert "dvc repro b && git add dvc.lock" in output
    assert stages(merging) == {"a": A, "b": stage("b", 2), "c": stage("c", 3)}
    assert merging.git("status", "--porcelain") == "UU dvc.lock"


def test_the_same_change_on_both_sides_is_none(merging: Any) -> None:
    same = lock(a=A, b=stage("b", 2), c=C)
    sides(merging, same, same.replace("cmd: run b", 'cmd: "run b"'))
    assert git(merging, "merge", "theirs")[0] == 0
    assert stages(merging)["b"] == stage("b", 2)


@pytest.mark.parametrize("ours_gone", [True, False])
def test_a_stage_gone_on_one_side_and_changed_on_the_other(merging: Any, ours_gone: bool) -> None:
    gone, changed = lock(a=A, c=C), lock(a=A, b=stage("b", 2), c=C)
    sides(merging, *((gone, changed) if ours_gone else (changed, gone)))
    code, output = git(merging, "merge", "theirs")
    assert code == 1
    assert "both sides changed b" in output
    assert stages(merging)["b"] == stage("b", 2)


def test_a_stage_gone_on_one_side_is_gone(merging: Any) -> None:
    sides(merging, lock(a=A, b=B), lock(b=B, c=stage("c", 2)))
    code, output = git(merging, "merge", "theirs")
    assert code == 1, output  # c is gone with us and new with them
    merging.git("merge", "--abort")
    merging.git("checkout", "-q", "-B", "again", "main~1")
    merging.commit(**{LOCK: lock(b=B, c=C)})
    assert git(merging, "merge", "main")[0] == 0
    assert stages(merging) == {"b": B}


def test_a_merge_that_makes_a_stage_stale_is_clean_and_says_so(merging: Any) -> None:
    reader = stage("b", 1, ("a.bin", 1))
    merging.commit(**{LOCK: lock(a=A, c=C)})
    sides(merging, lock(a=stage("a", 2), c=C), lock(a=A, c=C, b=reader))
    code, output = git(merging, "merge", "theirs")
    assert code == 0
    assert "dvc.lock: merged; one side of the merge has made anew what b read" in output
    assert "dvc repro b && git add dvc.lock" in output


def test_a_rebase_and_a_cherry_pick(merging: Any) -> None:
    sides(merging, lock(a=stage("a", 2), b=B, c=C), lock(a=A, b=stage("b", 2), c=C))
    merging.commit(**{LOCK: lock(a=stage("a", 3), b=B, c=C)})
    merging.git("checkout", "-q", "-b", "picked")
    assert git(merging, "cherry-pick", "theirs")[0] == 0
    assert stages(merging) == {"a": stage("a", 3), "b": stage("b", 2), "c": C}
    merging.git("checkout", "-q", "main")
    assert git(merging, "rebase", "theirs")[0] == 0
    assert stages(merging) == {"a": stage("a", 3), "b": stage("b", 2), "c": C}


def cross(repo: Any, ours: str, theirs: str) -> tuple[int, str]:
    """Both branches merge the other's first commit, each with its own outcome, and then are merged."""
    sides(repo, lock(a=A, b=stage("b", 2), c=C), lock(a=A, b=stage("b", 3), c=stage("c", 3)))
    first = repo.git("rev-parse", "main")
    git(repo, "merge", "theirs")
    repo.commit(**{LOCK: ours})
    repo.git("checkout", "-q", "theirs")
    git(repo, "merge", first)
    repo.commit(**{LOCK: theirs})
    repo.git("checkout", "-q", "main")
    return git(repo, "merge", "theirs")


def test_criss_cross_with_different_outcomes_is_a_conflict(merging: Any) -> None:
    outcomes = (lock(a=A, b=stage("b", number), c=stage("c", 3)) for number in (2, 3))
    code, output = cross(merging, *outcomes)
    assert code == 1
    assert "both sides changed b;" in output


@pytest.mark.parametrize("ours_gone", [True, False])
def test_criss_cross_where_one_side_dropped_the_stage(merging: Any, ours_gone: bool) -> None:
    outcomes = [lock(a=A, c=stage("c", 3)), lock(a=A, b=stage("b", 3), c=stage("c", 3))]
    code, output = cross(merging, *(outcomes if ours_gone else outcomes[::-1]))
    assert code == 1
    assert "both sides changed b;" in output


def test_criss_cross_with_one_outcome_is_merged(merging: Any) -> None:
    same = lock(a=A, b=stage("b", 4), c=stage("c", 3))
    assert cross(merging, same, lock(a=stage("a", 4), b=stage("b", 4), c=stage("c", 3)))[0] == 0
    assert stages(merging)["a"] == stage("a", 4)


def test_a_lock_that_both_sides_add_in_a_folder_with_any_name(merging: Any) -> None:
    folder = "été 'x' $(touch pwned)"
    path = f"{folder}/dvc.lock"
    sides(merging, lock(a=A, b=B), lock(a=stage("a", 2), c=C), path)
    code, output = git(merging, "merge", "theirs")
    assert code == 1
    assert stages(merging, path) == {"a": A, "c": C, "b": B}
    assert "dvc repro a && git add dvc.lock" in output
    assert not (merging.path / "pwned").exists()


@pytest.mark.parametrize(
    "ours",
    [
        "stages: [",
        "<<<<<<< HEAD\n",
        "a: {cmd: x}\n",
        "{schema: '2.0', stages: {}}\n",
        "schema: '2.0'\nstages: 3\n",
        b"\xff\xfe\n",
    ],
)
def test_what_is_no_lock_is_merged_by_lines(merging: Any, ours: Any) -> None:
    theirs = lock(a=A, b=stage("b", 2), c=C)
    sides(merging, ours, theirs)
    code, output = git(merging, "merge", "theirs")
    assert code == 1
    assert "merged line by line" in output
    content = (merging.path / LOCK).read_bytes()
    assert b"<<<<<<< ours" in content
    assert b"run b" in content


def test_an_empty_lock_and_one_without_stages(merging: Any) -> None:
    sides(merging, "schema: '2.0'\nstages: {}\n", BASE)
    merging.commit()
    assert git(merging, "merge", "theirs")[0] == 0
    assert stages(merging) == {}


def test_crlf_stays(merging: Any) -> None:
    def crlf(text: str) -> bytes:
        return text.replace("\n", "\r\n").encode()

    merging.write("base", crlf(BASE))
    ours = merging.write("ours", crlf(lock(a=stage("a", 2), b=B, c=C)))
    merging.write("theirs", crlf(lock(a=A, b=stage("b", 2), c=C)))
    assert run(["merge-lock", "base", "ours", "theirs", "dvc.lock"]) == 0
    assert ours.read_bytes() == crlf(lock(a=stage("a", 2), b=stage("b", 2), c=C))


def test_the_merged_file_is_one_that_dvc_loads(merging: Any) -> None:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA

    sides(merging, lock(a=stage("a", 2), b=B, c=C), lock(a=A, b=stage("b", 2), c=C))
    git(merging, "merge", "theirs")
    COMPILED_LOCKFILE_SCHEMA(yaml.safe_load((merging.path / LOCK).read_text("utf-8")))


def test_a_link_for_attributes_is_left_alone(repo, monkeypatch, capsys):
    monkeypatch.chdir(repo.path)
    (repo.path / ".gitattributes").symlink_to("elsewhere")
    assert run(["merge-lock", "--install"]) == 2
    assert "which Git does not follow" in capsys.readouterr().err
    assert (repo.path / ".gitattributes").is_symlink()


def test_install_can_be_repeated_and_keeps_other_lines(
    repo: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repo.write(".gitattributes", "*.csv -text")
    monkeypatch.chdir(repo.path)
    for _ in range(2):
        assert run(["merge-lock", "--install"]) == 0
    assert (
        repo.path / ".gitattributes"
    ).read_text() == "*.csv -text\ndvc.lock merge=mlops-ci-lock\n"
    assert capsys.readouterr().out.count("git add .gitattributes") == 1
    driver = repo.git("config", "--get-all", "merge.mlops-ci-lock.driver")
    assert driver == "mlops-ci merge-lock %O %A %B %P"


def test_a_call_that_is_not_gits_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["merge-lock", "one"]) == 2
    assert "mlops-ci merge-lock --install" in capsys.readouterr().err


def test_a_file_that_is_not_there(repo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo.path)
    assert run(["merge-lock", "x", "y", "z", "dvc.lock"]) == 3
