"""`mlops-ci gate --record`: the verdict beside what made the model, as in-toto's own package reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

from mlops_ci.cli import run
from mlops_ci.lineage import notes, provenance, store, verdicts
from tests.lineage import project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Repo

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lineage")]

GATES = """\
gates:
- {id: floor, metric: accuracy, threshold: {min: %s}}
- {id: no-worse, metric: accuracy, change: {max_regression: 0.1}, level: warn}
- {id: gone, metric: nothing, threshold: {min: 0}, on_missing_metric: skip}
"""


def validate(statement: dict[str, Any]) -> test_result_pb2.TestResult:
    """Raises for what in-toto does not allow, unknown fields included."""
    read = json_format.Parse(json.dumps(statement), statement_pb2.Statement())
    Statement.copy_from_pb(read).validate()
    predicate = json_format.Parse(json.dumps(statement["predicate"]), test_result_pb2.TestResult())
    assert predicate.result in ("PASSED", "WARNED", "FAILED")
    for one in predicate.configuration:
        ResourceDescriptor.copy_from_pb(one).validate()
    return predicate


@pytest.fixture
def gated(trained: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    trained.commit(**{"mlops-ci.yaml": GATES % 0.5})
    project.record(trained)
    monkeypatch.chdir(trained.path)
    return trained


def lines(repo: Repo) -> list[dict[str, Any]]:
    path = store.newest(repo.path)
    assert path is not None
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("candidate", [[], ["HEAD"]], ids=["work tree", "commit"])
def test_a_verdict_is_added_once_and_is_valid(
    gated: Repo, capsys: Any, candidate: list[str]
) -> None:
    for _ in range(2):
        assert run(["gate", "--record", "HEAD", *candidate]) == 0
        assert "recorded in .mlops-ci/records/" in capsys.readouterr().err
    trained, said = lines(gated)
    predicate = validate(said)
    assert said["subject"] == trained["subject"]
    assert said["subject"][0]["digest"]["sha256"]
    assert predicate.result == "PASSED"
    assert list(predicate.passed_tests) == ["floor: accuracy", "no-worse: accuracy"]
    assert not [*predicate.warned_tests, *predicate.failed_tests]
    (found,) = verdicts.parse([said], "r")
    head = gated.git("rev-parse", "HEAD")
    assert (found.result, found.baseline, found.candidate, found.revision) == ("pass", *[head] * 3)
    recorded = provenance.parse([trained], "r")[0]
    assert f"sha256:{found.lock}" == recorded.lock_digest
    assert len(found.policy) == len(found.evaluation) == 64


def test_what_blocks_is_recorded_as_failed(gated: Repo, capsys: Any) -> None:
    gated.commit(**{"mlops-ci.yaml": GATES % 0.99})
    assert run(["gate", "--record", "HEAD"]) == 1
    capsys.readouterr()
    predicate = validate(lines(gated)[1])
    assert predicate.result == "FAILED"
    assert list(predicate.failed_tests) == ["floor: accuracy"]
    outcomes = lines(gated)[1]["predicate"]["configuration"][-1]["annotations"]["outcomes"]
    assert (outcomes[0]["value"], outcomes[0]["bound"]) == (0.8, 0.99)


def test_no_verdict_is_not_recorded_as_passed(gated: Repo, capsys: Any) -> None:
    gated.commit(**{"mlops-ci.yaml": "version: 1\n"})
    assert run(["gate", "--record", "HEAD"]) == 0
    assert validate(lines(gated)[1]).result == "WARNED"
    assert verdicts.parse(lines(gated), "r")[0].result == "no gates"


def test_a_verdict_on_other_bytes_is_refused(gated: Repo, capsys: Any) -> None:
    gated.write("model.bin", "other")
    assert run(["gate", "--record", "HEAD"]) == 2
    assert "is of other bytes than are here" in capsys.readouterr().err
    assert len(lines(gated)) == 1


def test_a_verdict_without_a_record_is_refused(gated: Repo, capsys: Any) -> None:
    path = store.newest(gated.path)
    assert path
    path.unlink()
    assert run(["gate", "--record", "HEAD"]) == 2
    assert "no Record of repo was written for what is here" in capsys.readouterr().err


def test_a_record_that_only_notes_have_is_found(gated: Repo, capsys: Any) -> None:
    from mlops_ci.git import Repository

    path = store.newest(gated.path)
    assert path
    repository = Repository.discover(gated.path)
    notes.add(repository, gated.git("rev-parse", "HEAD"), store.read(path))
    path.unlink()
    assert run(["gate", "--record", "HEAD"]) == 0
    assert [one["predicateType"] for one in lines(gated)][1] == verdicts.TEST_RESULT


def test_show_and_verify_know_it(gated: Repo, capsys: Any) -> None:
    run(["gate", "--record", "HEAD"])
    capsys.readouterr()
    head = gated.git("rev-parse", "HEAD")[:7]
    assert run(["record", "show"]) == 0
    assert f"verdict      pass against {head} by policy " in capsys.readouterr().out
    assert run(["record", "verify", "--all"]) == 0
    assert f"✓ verdict     pass against {head}" in capsys.readouterr().out


def forge_lock(statement: dict[str, Any]) -> None:
    parts = {one["name"]: one for one in statement["predicate"]["configuration"]}
    parts["lock"]["digest"]["sha256"] = "0" * 64


def forge_bytes(statement: dict[str, Any]) -> None:
    statement["subject"][0]["digest"]["sha256"] = "0" * 64


def forge_evaluation(statement: dict[str, Any]) -> None:
    parts = {one["name"]: one for one in statement["predicate"]["configuration"]}
    parts["evaluation"]["digest"]["sha256"] = "0" * 64


@pytest.mark.parametrize(
    ("forge", "what"),
    [
        (forge_lock, "other dvc.lock"),
        (forge_bytes, "other bytes"),
        (forge_evaluation, "other evaluation data"),
    ],
)
def test_verify_tells_a_verdict_on_something_else(
    gated: Repo, capsys: Any, forge: Any, what: str
) -> None:
    run(["gate", "--record", "HEAD"])
    trained, said = lines(gated)
    forge(said)
    path = store.newest(gated.path)
    assert path
    store.write(gated.path, [trained, said], path)
    capsys.readouterr()
    assert run(["record", "verify"]) == 1
    assert f"recorded {what}" in capsys.readouterr().out


@pytest.mark.parametrize("part", ["configuration", "verdict"])
def test_a_verdict_of_another_tool_is_one_line(
    gated: Repo, capsys: Any, part: str, tmp_path: Path
) -> None:
    run(["gate", "--record", "HEAD"])
    trained, said = lines(gated)
    if part == "configuration":
        del said["predicate"]["configuration"]
    else:
        said["predicate"]["configuration"].pop()
    path = store.write(gated.path, [trained, said], tmp_path / "r.jsonl")
    capsys.readouterr()
    assert run(["record", "show", str(path)]) == 3
    assert "has the type of a verdict and not its parts" in capsys.readouterr().err
