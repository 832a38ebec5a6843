"""`mlops-ci demo` as a newcomer runs it: once from beginning to end, after a run that was killed."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.cli import run
from mlops_ci.demo import folder as folders
from mlops_ci.demo import release, shell, story
from mlops_ci.demo.screen import Screen
from mlops_ci.diff import Request
from mlops_ci.errors import MlopsCiError, ToolError
from mlops_ci.gate import gate
from mlops_ci.git import Repository
from mlops_ci.promote.book import Book
from mlops_ci.stack.base import TrackerSettings
from mlops_ci.stack.registries import REGISTRIES

if TYPE_CHECKING:
    from pathlib import Path

REAL = (pytest.mark.real, pytest.mark.xdist_group("demo"))
COMMAND = [sys.executable, "-m", "mlops_ci", "demo", "digits demo"]
# What a user may have set for other work; none of it may reach the demo.
FOREIGN = {
    "DVC_REMOTE": "s3://elsewhere",
    "GIT_DIR": "elsewhere.git",
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    "MLFLOW_RUN_ID": "0" * 32,
}

PROJECT = {
    ".gitignore",
    "dvc.yaml",
    "evaluate.py",
    "mlops-ci.yaml",
    "params.yaml",
    "prepare.py",
    "train.py",
}


BY_TAGS = "6  v1.2.0: someone tags `worse-on-8` by hand"


@dataclass(frozen=True)
class Made:
    folder: Path
    output: str

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def report(self, branch: str) -> dict[str, Any]:
        """The only model in the report of a branch."""
        text = (self.folder / "reports" / branch / "report.json").read_text(encoding="utf-8")
        (model,) = json.loads(text)["models"]
        return model


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    above = tmp_path_factory.mktemp("demo")
    env = {**os.environ, **FOREIGN, "HOME": str(above / "home")}
    kill_at("$ mlops-ci train --persist push", above, env)
    folder = above / "digits demo"
    (folder / "left-over").write_text("half of something", encoding="utf-8")
    done = subprocess.run(COMMAND, cwd=above, env=env, capture_output=True, check=False)
    output = done.stdout.decode()
    assert done.returncode == 0, output + done.stderr.decode()
    assert done.stderr == b""
    assert names(above) == {"digits demo"}
    return Made(folder, output)


def kill_at(line: str, above: Path, env: dict[str, str]) -> None:
    with subprocess.Popen(COMMAND, cwd=above, env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert any(one.decode().strip() == line for one in process.stdout)
        process.kill()


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def screen(lines: list[str]) -> Screen:
    return Screen(lines.append, colour=False)


def real(test: Any) -> Any:
    for mark in REAL:
        test = mark(test)
    return test


@real
def test_a_run_takes_the_place_of_one_that_was_killed(made: Made) -> None:
    assert "Replaces what an earlier demo made in digits demo." in made.output
    assert not (made.folder / "left-over").exists()


@real
def test_one_branch_passes_and_one_is_blocked_for_its_eights_alone(made: Made) -> None:
    for branch, result, stopped in (
        ("better", "pass", []),
        ("worse-on-8", "fail", ["slices.digit=8.accuracy"]),
    ):
        model = made.report(branch)
        outcomes = model["verdict"]["outcomes"]
        assert len(outcomes) == 12
        assert [one["metric"] for one in outcomes if one["result"] != "pass"] == stopped
        assert model["verdict"]["result"] == result
        changes = {row["name"]: row["change"] for row in model["metrics"]}
        worse = [name for name, change in changes.items() if change != "better"]
        assert worse == (["slices.8.recall"] if stopped else [])
        assert changes["accuracy"] == changes["log_loss"] == changes["false_eights"] == "better"


@real
def test_the_margins_do_not_hang_on_a_single_scan(made: Made) -> None:
    """So that another version of scikit-learn tells the same story."""
    (failed,) = (o for o in made.report("worse-on-8")["verdict"]["outcomes"] if o["headroom"] < 0)
    assert failed["headroom"] < -0.03
    passed = [o for b in ("better", "worse-on-8") for o in made.report(b)["verdict"]["outcomes"]]
    assert min(o["headroom"] for o in passed if o["result"] == "pass") > 0.02


@real
def test_metrics_are_those_of_the_predictions(made: Made) -> None:
    with (made.folder / "predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    metrics = json.loads((made.folder / "metrics.json").read_text(encoding="utf-8"))
    assert len({row["scan"] for row in rows}) == 1797
    right = sum(row["digit"] == row["predicted"] for row in rows)
    assert metrics["accuracy"] == pytest.approx(right / 1797, abs=1e-4)
    eights = [row["predicted"] for row in rows if row["digit"] == "8"]
    recall = eights.count("8") / len(eights)
    assert metrics["slices"]["8"]["recall"] == pytest.approx(recall, abs=1e-4)


@real
def test_every_branch_holds_what_it_trained(made: Made) -> None:
    found = {
        branch: json.loads(made.git("show", f"{branch}:metrics.json"))["accuracy"]
        for branch in ("digits@v1.0.0", "better", "worse-on-8")
    }
    assert found["digits@v1.0.0"] < found["worse-on-8"] < found["better"]
    assert made.git("status", "--porcelain") == ""
    assert made.git("branch", "--show-current") == "main"
    assert made.git("rev-parse", "main") == made.git("rev-parse", "better")


@real
def test_dvc_finds_nothing_left_to_train(made: Made) -> None:
    dvc = [sys.executable, "-m", "dvc", "status"]
    done = subprocess.run(dvc, cwd=made.folder, capture_output=True, text=True, check=True)
    assert "up to date" in done.stdout


@real
def test_the_mlflow_runs_belong_to_their_commits(made: Made) -> None:
    tracked = [row for row in made.report("better")["metrics"] if row["source"] == "mlflow:digits"]
    assert [row["name"] for row in tracked] == ["train_accuracy"]
    revisions = ("digits@v1.0.0", "better", "worse-on-8")
    ids = {made.git("show", f"{rev}:run.json") for rev in revisions}
    assert len(ids) == 3


@real
def test_reports_are_written_for_people_and_machines(made: Made) -> None:
    for branch, word in (("better", "is better"), ("worse-on-8", "blocked")):
        folder = made.folder / "reports" / branch
        assert names(folder) == {"report.html", "report.json", "report.md"}
        assert word in (folder / "report.md").read_text(encoding="utf-8").splitlines()[0]
        page = (folder / "report.html").read_text(encoding="utf-8")
        assert page.startswith("<!doctype html>")
        assert '<svg class="curve"' in page
        assert '<table class="heat">' in page
        kinds = {one["path"]: one["kind"] for one in made.report(branch)["plots"]}
        assert kinds == {"plots/confusion.csv": "confusion", "plots/coverage.csv": "curve"}
        assert f"digits demo{os.sep}reports{os.sep}{branch}" in made.output


@real
def test_it_prints_what_it_runs_and_says_how_to_go_on(made: Made) -> None:
    lines = made.output.splitlines()
    assert lines.count("$ mlops-ci train --persist push") == 3
    assert lines.count("$ mlops-ci gate main") == 2
    assert "$ git init --initial-branch=main" in lines
    assert "  prepare   unchanged, skipped" in lines
    assert [line.split("  ")[1] for line in lines[-4:]] == [
        "cd your-repository",
        "mlops-ci diff main",
        "mlops-ci gate main",
        "mlops-ci train",
    ]
    assert max(len(line) for line in lines[: lines.index(BY_TAGS)]) <= 80
    assert "\x1b" not in made.output


@real
def test_what_is_better_is_in_production_and_what_was_refused_is_taken_back(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository.discover(made.folder)
    granted = [
        (one.kind, one.version, one.predecessor)
        for one in Book(repository=repository).promotions_of("digits", "prod")
    ]
    assert granted == [
        ("rollback", "v1.1.0", "v1.0.0"),
        ("promote", "v1.1.0", "v1.0.0"),
        ("promote", "v1.0.0", ""),
    ]
    refused = next(line for line in made.output.splitlines() if line.startswith("  error: v1.2.0"))
    assert "fail: slices.digit=8.accuracy: the loss is beyond the limit" in refused
    assert "; accuracy: cannot tell: whether the loss is" in refused
    assert "? prod  v1.2.0" in made.output
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    store = TrackerSettings(uri="sqlite:///mlflow.db", root=made.folder)
    served = REGISTRIES["mlflow"].holder(store, "digits", "prod")
    assert served
    assert served.git_tag == "digits@v1.1.0"


@real
def test_a_release_that_is_not_as_promised_is_our_bug(made: Made) -> None:
    sh = shell.Shell(made.folder, screen([]), {})
    release._keep_promise(sh, "v1.1.0", verified=True)
    with pytest.raises(
        MlopsCiError, match=r"v1\.2\.0 should hold prod, .* but v1\.1\.0 does"
    ) as caught:
        release._keep_promise(sh, "v1.2.0", verified=True)
    assert caught.value.exit_code == 70


@real
def test_commits_are_by_the_demo_and_nothing_is_configured(made: Made) -> None:
    authors = made.git("log", "--branches", "--format=%an <%ae> %cn").splitlines()
    assert authors == ["mlops-ci demo <demo@example.com> mlops-ci demo"] * 6
    assert "user." not in made.git("config", "--local", "--list")


@real
def test_a_promise_that_is_not_kept_is_our_bug(made: Made) -> None:
    better, worse = story.BRANCHES
    judged = gate(Request(start=made.folder, base="digits@v1.0.0", head="better"))
    story._keep_promise(better, judged)
    with pytest.raises(MlopsCiError, match=r"stopped by slices\.digit=8\.accuracy, but") as caught:
        story._keep_promise(worse, judged)
    assert caught.value.exit_code == 70


@real
def test_a_whole_demo_is_cleared_but_not_what_it_links_to(made: Made, tmp_path: Path) -> None:
    folder, outside = tmp_path / "copy", tmp_path / "outside"
    shutil.copytree(made.folder, folder)
    outside.mkdir()
    (outside / "mine").write_text("mine", encoding="utf-8")
    (folder / "link").symlink_to(outside, target_is_directory=True)
    assert folders.is_earlier(folder)
    folders.fill(folder)
    assert names(folder) == PROJECT | {folders.MARKER}
    assert (outside / "mine").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_is_new_or_empty_is_filled(tmp_path: Path) -> None:
    for folder in (tmp_path / "a" / "new", tmp_path):
        assert not folders.is_earlier(folder)
        folders.fill(folder)
        assert names(folder) >= PROJECT
        shutil.rmtree(tmp_path / "a", ignore_errors=True)


@pytest.mark.parametrize("name", ["thesis.tex", folders.MARKER])
def test_a_folder_with_anything_else_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also when it holds a file that is only called like the marker."""
    (tmp_path / name).write_text("mine", encoding="utf-8")
    assert run(["demo", str(tmp_path)]) == 2
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"
    assert names(tmp_path) == {name}
    printed = capsys.readouterr()
    assert printed.out == ""
    first, hint = printed.err.splitlines()
    assert first == f"error: {tmp_path} is not empty, and no demo made it"
    assert hint.strip() == "mlops-ci demo ANOTHER_FOLDER"


def test_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    assert run(["demo", str(file)]) == 2
    assert file.read_text(encoding="utf-8") == "mine"
    assert "is not a folder" in capsys.readouterr().err


def test_what_is_not_installed_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(story, "find_spec", lambda name: None if name == "sklearn" else name)
    assert run(["demo", str(tmp_path / "new")]) == 3
    assert names(tmp_path) == set()
    printed = capsys.readouterr()
    assert printed.out == ""
    first, hint = printed.err.splitlines()
    assert first == "error: the demo needs scikit-learn, which is not installed here"
    assert hint.strip() == "pip install 'mlops-ci[demo]'"


def test_a_command_that_fails_is_shown_with_its_reason(tmp_path: Path) -> None:
    lines: list[str] = []
    with shell.opened(tmp_path, screen(lines)) as sh:
        with pytest.raises(ToolError, match=r"`git switch nowhere` failed:\nfatal: "):
            sh("git", "switch", "nowhere")
        with pytest.raises(ToolError, match="nonsense is not installed"):
            sh("nonsense")
    assert lines == ["$ git switch nowhere\n", "$ nonsense\n"]


def test_progress_is_a_line_a_stage() -> None:
    lines: list[str] = []
    shown = screen(lines)
    for line in (
        "  prepare  unchanged",
        "▸ train",
        "> python train.py",
        "50 landmarks",
        "  train  ran in 2.1 s",
        "pushing data",
    ):
        shown.progress(line)
    assert "".join(lines) == "  prepare   unchanged, skipped\n  train     50 landmarks\n"
