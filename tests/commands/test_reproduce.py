"""`mlops-ci reproduce` on pipelines that DVC runs: what is the same, what is not, why, and what cannot be had."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.cli import run
from mlops_ci.lineage import notes, store
from tests import loaded
from tests.lineage import project, variants
from tests.lineage.conftest import _template, trained  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Repo

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lineage")]


@pytest.fixture
def place(trained: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:  # noqa: F811
    """Its temporary folders lie where the test can see them."""
    tmp_path.joinpath("temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setenv("VIRTUAL_ENV", str(loaded.environment()))
    monkeypatch.chdir(trained.path)
    return trained


def left_over(tmp_path: Path) -> list[Path]:
    return list(tmp_path.joinpath("temporary").glob("mlops-ci-reproduce-*"))


def reproduced(capsys: Any, *options: str, code: int, rev: str = "HEAD") -> dict[str, Any]:
    assert run(["reproduce", rev, "--json", *options]) == code, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]


def levels(found: dict[str, Any]) -> dict[str, str]:
    return {one["path"]: one["level"] for one in found["outputs"]}


def measured(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["stage"], one["kind"]) for one in found["causes"] if one["measured"]}


def test_the_same_again_is_byte_for_byte_and_leaves_nothing(
    place: Repo, tmp_path: Path, capsys: Any
) -> None:
    record = project.record(place, seeds=(0,))
    repository = notes_repository(place)
    notes.add(repository, place.git("rev-parse", "HEAD"), store.read(record))
    record.unlink()
    status = place.git("status", "--porcelain")
    found = reproduced(capsys, code=0)
    assert levels(found) == {"model.bin": "bytes", "metrics.json": "bytes"}
    assert found["record"].startswith("the note of ")
    assert found["disk"] > 0
    assert left_over(tmp_path) == []
    assert place.git("status", "--porcelain") == status


def notes_repository(repo: Repo) -> Any:
    from mlops_ci.git import Repository

    return Repository.discover(repo.path)


def test_other_bytes_with_the_same_metrics_are_enough(place: Repo, capsys: Any) -> None:
    variants.trained(place, **{"train.py": variants.TRAIN["timestamp"]})
    found = reproduced(capsys, code=0)
    assert levels(found) == {"model.bin": "metrics", "metrics.json": "bytes"}
    assert measured(found) == {("train", "nondeterminism")}
    assert found["tolerances"] == {}


def test_predictions_that_are_as_close_are_enough(place: Repo, capsys: Any) -> None:
    variants.with_predictions(place)
    found = reproduced(capsys, "--no-diagnose", code=0)
    assert levels(found) == {
        "model.bin": "predictions",
        "scores.csv": "predictions",
        "metrics.json": "bytes",
    }
    assert any("run.json" in one for one in found["remarks"])


def test_an_unseeded_stage_is_found_and_tolerances_are_proposed(
    place: Repo, capsys: Any, scale: Callable[[int, int], int]
) -> None:
    variants.trained(place, **{"train.py": variants.TRAIN["unseeded"]})
    found = reproduced(capsys, code=1)
    assert levels(found) == {"model.bin": "different", "metrics.json": "different"}
    assert measured(found) == {("train", "nondeterminism")}
    assert found["runs"] == 2
    (metric,) = found["metrics"]
    spread = max(*metric["found"], metric["recorded"]) - min(*metric["found"], metric["recorded"])
    assert 2 * spread <= found["tolerances"]["accuracy"] <= 4 * spread
    if not scale(0, 1):
        return
    # The proposal does what it says.
    place.commit(**{"mlops-ci.yaml": "metrics: {accuracy: {tolerance: 0.02}}\n"})
    found = reproduced(capsys, "--no-diagnose", code=0)
    assert levels(found) == {"model.bin": "metrics", "metrics.json": "metrics"}


def test_a_seed_that_is_not_known_is_the_cause(
    place: Repo,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    scale: Callable[[int, int], int],
) -> None:
    monkeypatch.setenv("MLOPS_CI_SEED", "5")
    variants.trained(place, **{"train.py": variants.TRAIN["seeded"]})
    found = reproduced(capsys, code=1)
    assert measured(found) == {("train", "seed")}
    if not scale(0, 1):
        return
    place.commit(**{"mlops-ci.yaml": "train: {seed: 5}\n"})
    assert set(levels(reproduced(capsys, code=0)).values()) == {"bytes"}


def test_another_number_of_threads_is_the_cause(place: Repo, capsys: Any) -> None:
    variants.trained(place, **{"train.py": variants.TRAIN["threads"]})
    assert measured(reproduced(capsys, code=1)) == {("train", "threads")}


def test_a_stale_lock_is_the_cause(place: Repo, capsys: Any) -> None:
    code = place.path.joinpath("train.py").read_text().replace("len(data) *", "2 * len(data) *")
    place.commit(**{"train.py": code})
    found = reproduced(capsys, code=1)
    assert levels(found)["metrics.json"] == "different"
    assert measured(found) == {("train", "code")}


def test_what_python_compiled_in_a_folder_of_code_is_no_cause(place: Repo, capsys: Any) -> None:
    """DVC hashes it with the folder, and it is another one in each clone."""
    compiled = "cache = pathlib.Path('src/__pycache__')\ncache.mkdir(exist_ok=True)\n"
    compiled += "cache.joinpath('x.pyc').write_text(str(time.time_ns()))\n"
    files = {
        "src/train.py": variants.TRAIN["unseeded"] + compiled,
        ".gitignore": place.path.joinpath(".gitignore").read_text() + "__pycache__/\n",
        "dvc.yaml": project.FILES["dvc.yaml"].replace("train.py, data", "src, data"),
    }
    files["dvc.yaml"] = files["dvc.yaml"].replace("python train.py", "python src/train.py")
    variants.trained(place, **files)
    found = reproduced(capsys, code=1)
    assert measured(found) == {("train", "nondeterminism")}
    code = files["src/train.py"].replace("/ 100", "/ 50")
    place.commit(**{"src/train.py": code, "src/more.py": ""})
    assert ("train", "code") in measured(reproduced(capsys, code=1))


def test_params_that_were_not_trained_are_the_cause(place: Repo, capsys: Any) -> None:
    place.commit(**{"params.yaml": "lr: 0.3\nseed: 7\n"})
    found = reproduced(capsys, code=1)
    assert measured(found) == {("train", "params")}


def objects(tmp_path: Path) -> list[Path]:
    return [one for one in tmp_path.joinpath("remote").rglob("*") if one.is_file()]


@pytest.mark.parametrize("fault", ["missing", "damaged"])
def test_data_that_the_remote_has_not_cannot_be_told(
    place: Repo, tmp_path: Path, capsys: Any, fault: str
) -> None:
    (found,) = [one for one in objects(tmp_path) if one.read_bytes() == b"1,2\n"]
    found.chmod(0o644)
    if fault == "missing":
        found.unlink()
    else:
        found.write_bytes(b"9,9\n")
        found.chmod(0o444)  # DVC believes what is read-only
    assert run(["reproduce", "HEAD"]) == 3
    said = capsys.readouterr().err
    (error,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert "data" in error
    assert "dvc push" in said
    assert left_over(tmp_path) == []


def test_a_stage_that_fails_is_not_reproduced(place: Repo, tmp_path: Path, capsys: Any) -> None:
    place.commit(**{"train.py": "raise SystemExit('no such column')\n"})
    assert run(["reproduce", "HEAD"]) == 1
    assert "stage train failed" in capsys.readouterr().err
    assert left_over(tmp_path) == []


def test_the_locked_environment_is_made_anew(place: Repo, capsys: Any) -> None:
    about = "[project]\nname = 'x'\nversion = '1'\nrequires-python = '>=3.10'\n"
    place.write("pyproject.toml", f"{about}[tool.uv]\npackage = false\n")
    subprocess.run(["uv", "lock", "--quiet"], cwd=place.path, check=True)
    place.commit()
    found = reproduced(capsys, code=0)
    assert not any("active environment" in one for one in found["remarks"])
    assert set(levels(found).values()) == {"bytes"}


def test_an_unknown_revision_is_a_usage_error(place: Repo, capsys: Any) -> None:
    assert run(["reproduce", "nowhere"]) == 2
    assert "unknown revision" in capsys.readouterr().err


def test_a_frozen_stage_is_fetched_and_not_run(place: Repo, capsys: Any) -> None:
    frozen = "  prepare:\n    cmd: echo 1 > a.txt\n    outs: [a.txt]\n"
    reader = "  read:\n    cmd: cp a.txt b.txt\n    deps: [a.txt]\n    outs: [b.txt]\n"
    variants.trained(place, **{"dvc.yaml": f"stages:\n{frozen}{reader}"})
    place.commit(**{"dvc.yaml": f"stages:\n{frozen}    frozen: true\n{reader}"})
    assert levels(reproduced(capsys, code=0)) == {"b.txt": "bytes"}


def test_a_command_without_a_pipeline_is_compared_with_its_record(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    config = "train: {command: python train.py, outputs: [model.bin], metrics: [metrics.json]}\n"
    code = variants.HEAD + "pathlib.Path('model.bin').write_text('w')\n" + variants.METRICS % "0.9"
    ignored = "/model.bin\n/metrics.json\n"
    repo.commit(**{"mlops-ci.yaml": config, "train.py": code, ".gitignore": ignored})
    monkeypatch.chdir(repo.path)
    monkeypatch.setenv("VIRTUAL_ENV", str(loaded.environment()))
    found = reproduced(capsys, code=3)
    assert set(levels(found).values()) == {"unknown"}
    assert run(["train"]) == 0
    capsys.readouterr()
    repo.git(
        "commit", "--quiet", "--amend", "--allow-empty", "--message", "no branch has the other"
    )
    again = reproduced(capsys, code=0, rev="HEAD@{1}")
    assert levels(again) == {"model.bin": "bytes", "metrics.json": "bytes"}


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", pytest.param("SIGINT", marks=pytest.mark.full)])
def test_a_signal_leaves_nothing(place: Repo, tmp_path: Path, name: str) -> None:
    place.commit(**{"train.py": "import time\nprint('at work', flush=True)\ntime.sleep(60)\n"})
    command = [sys.executable, "-m", "mlops_ci", "reproduce", "HEAD"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stderr
        for line in process.stderr:
            if b"at work" in line:
                break
        process.send_signal(getattr(signal, name))
        rest = process.stderr.read().decode()
    assert process.returncode in (3, 130), rest
    deadline = time.monotonic() + 10
    while left_over(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left_over(tmp_path) == []
