"""`mlops-ci drill` on a repository that trained and promoted with DVC: restored, and every fault noticed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.cli import run
from mlops_ci.drill import room
from mlops_ci.drill.faults import FAULTS
from mlops_ci.promote import registered
from mlops_ci.stack import registries
from mlops_ci.stack.base import RegisteredVersion, TrackerSettings
from tests import loaded
from tests.lineage import project
from tests.promote.conftest import _released, record, released  # noqa: F401 - fixtures
from tests.promote.test_promote import ask, forge, forge_metrics, with_promote

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Repo

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("drill")]


@pytest.fixture
def promoted(released: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:  # noqa: F811
    """v1.1.0 is in production."""
    monkeypatch.setenv("VIRTUAL_ENV", str(loaded.environment()))
    for version, number in (("v1.0.0", 1), ("v1.1.0", 2)):
        assert run(["promote", ask(released, version, number)]) == 0
    return released


def drilled(capsys: Any, *options: str, code: int, tag: str = "churn@v1.1.0") -> dict[str, Any]:
    capsys.readouterr()
    assert run(["drill", tag, "--json", *options]) == code, capsys.readouterr().err
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def results(found: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["result"] for one in found["phases"]}


def failed(found: dict[str, Any]) -> tuple[str, str]:
    (phase,) = [one for one in found["phases"] if one["result"] == "failed"]
    return phase["name"], " ".join(phase["says"])


def the_object(repo: Repo) -> Path:
    """Of the model of v1.1.0, in the remote."""
    lock = repo.git("show", "churn@v1.1.0:dvc.lock")
    md5 = lock.split("model.bin", 1)[1].split("md5: ", 1)[1].split()[0]
    return repo.path.parent / "remote/files/md5" / md5[:2] / md5[2:]


@pytest.mark.parametrize("tag", ["churn@v1.1.0", "churn#prod#2"])
def test_a_version_is_restored_without_the_cache_and_nothing_is_left(
    tag: str, promoted: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    shutil.rmtree(promoted.path / ".dvc/cache")
    before = (
        promoted.git("for-each-ref", "refs/heads", "refs/tags"),
        promoted.git("status", "--porcelain"),
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    found = drilled(capsys, code=0, tag=tag)
    assert set(results(found).values()) == {"passed"}
    assert (found["version"], found["seconds"] > 0) == ("v1.1.0", True)
    assert found["commit"] == promoted.git("rev-parse", "churn@v1.1.0^{commit}")
    assert found["seconds"] == sum(one["seconds"] for one in found["phases"])
    assert list(temporary.glob("mlops-ci-reproduce-*")) == []
    assert (
        promoted.git("for-each-ref", "refs/heads", "refs/tags"),
        promoted.git("status", "--porcelain"),
    ) == before
    assert not (promoted.path / ".dvc/cache").exists()


class _Registry:
    """What serves the version that was promoted, with its digest."""

    def __init__(self, digest: str, held: str = "churn@v1.1.0", number: str = "2") -> None:
        tags = {"mlops_ci.digest": digest}
        self.version = RegisteredVersion(number="2", git_tag="churn@v1.1.0", source="x", tags=tags)
        self.held = replace(self.version, number=number, git_tag=held)

    def find(self, *_: object) -> RegisteredVersion:
        return self.version

    def holder(self, *_: object) -> RegisteredVersion:
        return self.held


def serve(monkeypatch: pytest.MonkeyPatch, registry: _Registry, root: Path) -> None:
    known = TrackerSettings(uri="memory", root=root)
    monkeypatch.setattr(registered, "settings", lambda _: known)
    monkeypatch.setitem(registries.REGISTRIES, "mlflow", registry)  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_noticed_where_it_has_to_be(
    fault: str, promoted: Repo, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    digest = sha256(the_object(promoted).read_bytes()).hexdigest()
    serve(monkeypatch, _Registry(digest), promoted.path)
    found = drilled(capsys, "--inject", fault, code=0)
    assert found["injected"] == fault
    assert failed(found)[0] == FAULTS[fault].noticed_by
    assert run(["drill", "churn@v1.1.0", "--inject", fault]) == 0
    noticed = f"{fault} was noticed, by {FAULTS[fault].noticed_by}"
    assert capsys.readouterr().out.splitlines()[0] == f"churn@v1.1.0  {noticed}"


def test_a_fault_that_nobody_notices_is_told(promoted: Repo, capsys: Any) -> None:
    """No registry is configured here: nothing can notice that it has drifted."""
    found = drilled(capsys, "--inject", "alias-drift", code=1)
    assert "failed" not in results(found).values()


@pytest.mark.parametrize("fault", ["moved-tag", "corrupt-byte", "alias-drift", "edited-metrics"])
def test_what_is_broken_anyway_is_no_fault_that_was_noticed(
    fault: str, promoted: Repo, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    digest = sha256(the_object(promoted).read_bytes()).hexdigest()
    served = _Registry(digest, held="churn@v1.0.0", number="1")
    serve(monkeypatch, served, promoted.path)
    if fault == "moved-tag":
        promoted.git("tag", "-d", "churn#prod#2", "churn@v1.1.0")
        promoted.git("push", "-q", "origin", ":refs/tags/churn@v1.1.0", ":refs/tags/churn#prod#2")
        promoted.git("tag", "-a", "-m", "x", "churn@v1.1.0", "HEAD")
        promoted.git("notes", "--ref", "refs/notes/mlops-ci", "remove", "--ignore-missing", "HEAD")
        promoted.git("push", "-qf", "origin", "refs/notes/mlops-ci")
    if fault == "corrupt-byte":
        real = room.different
        monkeypatch.setattr(room, "different", lambda *a: {**real(*a), "model.bin": "other bytes"})
    if fault == "edited-metrics":
        forge_metrics(promoted)
    tag = "churn@v1.3.0" if fault == "edited-metrics" else "churn@v1.1.0"
    found = drilled(capsys, "--inject", fault, code=1, tag=tag)
    assert (failed(found)[0], found["put_in"]) == (FAULTS[fault].noticed_by, False)
    run(["drill", tag, "--inject", fault])
    assert "was not put in" in capsys.readouterr().out


def test_a_lock_that_is_not_the_one_of_the_training_is_told(promoted: Repo, capsys: Any) -> None:
    promoted.write("requirements.txt", "# other packages\n")
    promoted.commit("packages alone")
    promoted.git("tag", "-a", "-m", "x", "churn@v1.3.0")
    for tag, told in (("churn@v1.1.0", False), ("churn@v1.3.0", True)):
        found = drilled(capsys, "--local", code=0, tag=tag)
        said = " ".join(found["phases"][2]["says"])
        assert ("requirements.txt is not the one that it was trained with" in said) is told


def test_an_object_that_is_gone_or_damaged(promoted: Repo, capsys: Any) -> None:
    file = the_object(promoted)
    kept = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(kept[:-1] + b"!")
    found = drilled(capsys, code=1)
    assert failed(found)[0] in ("restore", "verify")
    assert results(found)["evaluate"] == "skipped"
    file.unlink(missing_ok=True)
    name, says = failed(drilled(capsys, code=1))
    assert name == "restore"
    assert "model.bin" in says


@pytest.mark.parametrize(("held", "number"), [("churn@v1.0.0", "1"), ("churn@v1.1.0", "9")])
def test_an_alias_that_serves_something_else(
    promoted: Repo, monkeypatch: pytest.MonkeyPatch, capsys: Any, held: str, number: str
) -> None:
    """The registry is not what a restore needs: the version is evaluated all the same."""
    digest = sha256(the_object(promoted).read_bytes()).hexdigest()
    serve(monkeypatch, _Registry(digest, held, number), promoted.path)
    found = drilled(capsys, code=1)
    assert failed(found) == (
        "registry",
        f"MLflow serves version {number} ({held}) as churn@prod, not version 2 (churn@v1.1.0) mlops-ci sync",
    )
    assert results(found)["evaluate"] == "passed"


def test_a_tag_that_was_moved_or_never_granted(promoted: Repo, capsys: Any) -> None:
    promoted.git("tag", "-f", "-a", "-m", "moved", "churn#prod#2", "churn@v1.0.0^{commit}")
    name, says = failed(drilled(capsys, "--local", code=1, tag="churn#prod#2"))
    assert name == "resolve"
    assert "it was not granted, or it was moved" in says
    capsys.readouterr()
    assert run(["drill", "churn#prod#2"]) == 1
    assert "somebody moved it" in capsys.readouterr().err


def test_what_is_in_production_needs_no_name(promoted: Repo, capsys: Any) -> None:
    """Also in a clone that has no notes yet."""
    promoted.git("update-ref", "-d", "refs/notes/mlops-ci")
    for tag in ("", "churn#prod"):
        capsys.readouterr()
        assert run(["drill", *([tag] if tag else []), "--json", "--inject", "moved-tag"]) == 0
        assert json.loads(capsys.readouterr().out)["tag"] == "churn#prod#2"
    assert run(["drill", "churn#dev"]) == 2


def test_a_tag_that_names_no_version(promoted: Repo, capsys: Any) -> None:
    promoted.git("tag", "-a", "-m", "x", "nightly")
    assert run(["drill", "nightly"]) == 2
    assert "names a version" in capsys.readouterr().err


def test_a_promotion_measures_again_where_the_main_branch_asks_for_that(
    promoted: Repo, capsys: Any
) -> None:
    """Also what was merged; with the tolerances of the main branch, not those of the commit."""
    policy = (promoted.path / "mlops-ci.yaml").read_text()
    promoted.write("mlops-ci.yaml", f"{policy}metrics: {{accuracy: {{tolerance: 100}}}}\n")
    forge_metrics(promoted)
    promoted.write("mlops-ci.yaml", policy)
    with_promote(promoted, "evidence: reevaluated")
    capsys.readouterr()
    assert run(["promote", ask(promoted, "v1.3.0", 3)]) == 1
    err = capsys.readouterr().err
    assert "error: measured again, 1 of 2 metrics differ: accuracy: 9.5 recorded, " in err
    assert run(["promote", ask(promoted, "v1.1.0", 4)]) == 0
    assert "  measured again: 2 metrics as recorded" in capsys.readouterr().out
    assert run(["promote", "churn#prod#4"]) == 0


def test_what_nothing_measures_again_is_refused(promoted: Repo, capsys: Any) -> None:
    promoted.write("other.json", '{"recall": 0.9}')
    promoted.write(
        "mlops-ci.yaml",
        "gates: [{id: recall, metric: recall, threshold: {min: 0.5}}]\n"
        "models: {churn: {metrics_files: [other.json]}}\n",
    )
    promoted.commit("a number from elsewhere")
    record(promoted)
    promoted.git("push", "-q", "origin", "main", "refs/notes/*:refs/notes/*")
    promoted.git("tag", "-a", "-m", "x", "churn@v1.3.0")
    with_promote(promoted, "evidence: reevaluated")
    assert run(["promote", ask(promoted, "v1.3.0", 3)]) == 1
    err = capsys.readouterr().err
    assert "no stage measures recall again: it is read from other.json" in err


THREE_STAGES = """\
stages:
  train: {cmd: "printf 0.6 > model.bin", outs: [model.bin]}
  predict: {cmd: "echo $(cat model.bin) > scores.csv", deps: [model.bin], outs: [scores.csv: {cache: false}]}
  evaluate:
    cmd: 'printf "{\\"accuracy\\": $(cat scores.csv)}" > metrics.json'
    deps: [scores.csv]
    metrics: [metrics.json: {cache: false}]
"""


def test_what_the_metrics_were_made_from_is_made_again(promoted: Repo, capsys: Any) -> None:
    """Metrics of edited predictions agree with these, and with their Record."""
    promoted.write("dvc.yaml", THREE_STAGES)
    for command in ("repro", "push"):
        project.dvc(promoted.path, command)
    forge(promoted, {"scores.csv": "0.95\n", "metrics.json": '{"accuracy": 0.95}'})
    found = drilled(capsys, code=1, tag="churn@v1.3.0")
    name, says = failed(found)
    assert (name, "accuracy: 0.95 recorded, 0.6 now" in says) == ("evaluate", True)
