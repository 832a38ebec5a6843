"""A Record is compared with the bytes that are there: what changed is named, what is not here is undecided."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.errors import UnreadableError
from mlops_ci.lineage import store
from mlops_ci.lineage.verify import verify
from tests.lineage import project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_ci.record import Verification, VerifyResult
    from tests.conftest import Repo

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lineage")]


def verified(repo: Repo, record: Path) -> Verification:
    (found,) = verify(repo.path, store.read(record), str(record))
    return found


def named(found: Verification, result: VerifyResult) -> set[tuple[str, str]]:
    return {(one.kind, one.name) for one in found.with_result(result)}


def test_what_was_recorded_is_the_same(trained: Repo) -> None:
    found = verified(trained, project.record(trained))
    assert len(found.with_result("same")) == len(found.facts)
    kinds = {one.kind for one in found.facts}
    wanted = {"model", "data", "code", "environment", "metrics", "params", "lock", "source"}
    assert kinds == wanted


@pytest.mark.parametrize(
    ("path", "content", "differs"),
    [
        ("model.bin", "weights", {("model", "model.bin")}),
        ("data/a.csv", "1,3\n", {("data", "data/a.csv")}),
        ("data/new.csv", "", {("data", "data/new.csv")}),
        ("params.yaml", "lr: 0.2\nseed: 7\n", {("params", "params.yaml:lr")}),
        ("params.yaml", "lr: 0.1\nseed: '7'\n", {("params", "params.yaml:seed")}),
        ("train.py", "print()\n", {("code", "train.py")}),
        (
            "requirements.txt",
            "numpy==1.26.4\nscikit-learn==1.7.2\n",
            {("environment", "requirements.txt")},
        ),
        (
            "metrics.json",
            '{"accuracy": 1.0, "loss": NaN}',
            {("metrics", "metrics.json"), ("metrics", "metrics.json:accuracy")},
        ),
        ("dvc.lock", "schema: '2.0'\nstages: {train: {cmd: x}}\n", {("lock", "dvc.lock")}),
        (
            "dvc.yaml",
            project.FILES["dvc.yaml"].replace("[train.py,", "[train.py, extra.py,"),
            {("code", "dvc.yaml"), ("code", "extra.py")},
        ),
    ],
)
def test_what_changed_is_named_and_nothing_else(
    trained: Repo, path: str, content: str, differs: set[tuple[str, str]]
) -> None:
    trained.commit(**{"extra.py": ""})
    record = project.record(trained)
    trained.path.joinpath(path).unlink(missing_ok=True)  # it may be a link into the cache
    trained.write(path, content)
    assert named(verified(trained, record), "different") == differs


def test_of_a_command_all_metrics_and_all_code_are_verified(repo: Repo) -> None:
    repo.write("model.bin", b"weights")
    repo.write("metrics.json", '{"accuracy": 0.9}\n')
    repo.commit(**{"train.py": "1\n", "other.py": "", ".gitignore": "/model.bin\n/metrics.json\n"})
    record = project.record(
        repo, environments=(), outputs=("model.bin",), metrics=("metrics.json",)
    )
    assert not verified(repo, record).with_result("different")
    repo.write("train.py", "2\n")
    repo.write("metrics.json", '{"accuracy": 0.8}\n')
    assert named(verified(repo, record), "different") == {
        ("code", "train.py"),
        ("metrics", "metrics.json"),
        ("metrics", "metrics.json:accuracy"),
    }


def test_a_changed_package_is_named(trained: Repo) -> None:
    record = project.record(trained)
    trained.write("requirements.txt", "numpy==1.26.4\nscikit-learn==1.7.2\n")
    (found,) = verified(trained, record).with_result("different")
    assert found.reason == "scikit-learn 1.7.1 → 1.7.2"
    assert found.hint.startswith("git diff ")


def test_a_command_shows_the_changed_line(trained: Repo) -> None:
    record = project.record(trained)
    trained.write("train.py", "print()\n")
    (found,) = verified(trained, record).with_result("different")
    assert "+print()" in trained.git(*found.hint.split()[1:])


@pytest.mark.parametrize(
    ("path", "fact", "command"),
    [
        ("model.bin", ("model", "model.bin"), "dvc pull model.bin"),
        ("data", ("data", "data"), "dvc pull data"),
        ("train.py", ("code", "train.py"), "git checkout -- train.py"),
        ("params.yaml", ("params", "params.yaml"), "git checkout -- params.yaml"),
        ("dvc.lock", ("lock", "dvc.lock"), "git checkout -- dvc.lock"),
    ],
)
def test_what_is_not_here_is_undecided_and_the_command_brings_it_back(
    trained: Repo, path: str, fact: tuple[str, str], command: str
) -> None:
    record = project.record(trained)
    gone = trained.path / path
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    found = verified(trained, record)
    assert not found.with_result("different")
    (told,) = [one for one in found.with_result("unknown") if (one.kind, one.name) == fact]
    assert told.hint == command
    tool, *arguments = command.split()
    trained.git(*arguments) if tool == "git" else project.dvc(trained.path, *arguments)
    assert len(verified(trained, record).with_result("same")) == len(found.facts) + (
        len(project.DATA) if path == "data" else path == "params.yaml"
    )


def test_a_corrupted_cache_that_dvc_calls_up_to_date_is_seen(trained: Repo) -> None:
    record = project.record(trained)
    project.dvc(trained.path, "status")  # DVC notes size and time
    model = trained.path / "model.bin"
    before = model.stat()
    content = bytearray(model.read_bytes())
    content[0] ^= 1
    model.chmod(0o644)
    model.write_bytes(content)
    os.utime(model, ns=(before.st_atime_ns, before.st_mtime_ns))
    project.dvc(trained.path, "status")  # and has no doubts
    assert named(verified(trained, record), "different") == {("model", "model.bin")}


def forged(repo: Repo, change: Callable[[dict[str, Any]], object]) -> Path:
    """A Record that somebody has edited."""
    statement = json.loads(project.record(repo).read_text())
    change(statement)
    return repo.write("forged.jsonl", json.dumps(statement) + "\n")


def definition(statement: dict[str, Any]) -> dict[str, Any]:
    return statement["predicate"]["buildDefinition"]  # type: ignore[no-any-return]


def dependency(statement: dict[str, Any], name: str) -> dict[str, Any]:
    found = (one for one in definition(statement)["resolvedDependencies"] if one["name"] == name)
    return next(found)


def test_values_that_are_not_those_of_the_file_are_named(trained: Repo) -> None:
    def better(statement: dict[str, Any]) -> None:
        byproducts = statement["predicate"]["runDetails"]["byproducts"]
        byproducts[0]["annotations"]["values"]["accuracy"] = 0.99

    found = verified(trained, forged(trained, better))
    assert named(found, "different") == {("metrics", "metrics.json:accuracy")}


def test_a_tree_that_is_not_that_of_the_commit_is_named(trained: Repo) -> None:
    def other(statement: dict[str, Any]) -> None:
        dependency(statement, "source")["digest"]["gitTree"] = "0" * 40

    ((kind, name),) = named(verified(trained, forged(trained, other)), "different")
    assert (kind, name[:8]) == ("source", "tree of ")


def test_a_commit_that_is_not_here_is_undecided(trained: Repo) -> None:
    def other(statement: dict[str, Any]) -> None:
        dependency(statement, "source")["digest"]["gitCommit"] = "0" * 40
        definition(statement)["internalParameters"]["mlopsci_commit"] = "0" * 40

    (found,) = verified(trained, forged(trained, other)).with_result("unknown")
    assert found.hint == f"git fetch origin {'0' * 40}"


def test_md5_alone_proves_nothing(trained: Repo) -> None:
    def weaker(statement: dict[str, Any]) -> None:
        del statement["subject"][0]["digest"]["sha256"]

    (found,) = verified(trained, forged(trained, weaker)).with_result("unknown")
    assert found.name == "model.bin"


def test_a_forged_digest_inside_a_folder_is_named(trained: Repo) -> None:
    def other(statement: dict[str, Any]) -> None:
        dependency(statement, "data/a.csv")["digest"]["sha256"] = "0" * 64

    assert named(verified(trained, forged(trained, other)), "different") == {("data", "data/a.csv")}


def without(statement: dict[str, Any], name: str) -> None:
    """Nothing of it in the Record, whatever it was to the run."""
    byproducts = statement["predicate"]["runDetails"]["byproducts"]
    for listed in (definition(statement)["resolvedDependencies"], byproducts):
        listed[:] = [one for one in listed if one["name"] != name]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("dvc.yaml", "code"), ("train.py", "code"), ("metrics.json", "metrics"), ("data", "data")],
)
def test_what_a_forged_record_leaves_out_is_named(trained: Repo, name: str, kind: str) -> None:
    record = forged(trained, lambda one: without(one, name))
    assert (kind, name) in named(verified(trained, record), "different")


def test_another_file_in_the_place_of_the_model_is_named(trained: Repo) -> None:
    """Its bytes are what the Record says: it is the model that is not."""

    def other(statement: dict[str, Any]) -> None:
        code = dependency(statement, "train.py")
        statement["subject"] = [{**code, "annotations": {"kind": "model", "size": 1}}]

    different = named(verified(trained, forged(trained, other)), "different")
    assert different == {("model", "model.bin"), ("model", "train.py")}


def test_a_subject_that_would_be_passed_over_is_refused(trained: Repo) -> None:
    def other(statement: dict[str, Any]) -> None:
        statement["subject"][0]["annotations"]["kind"] = "note"
        statement["subject"][0]["digest"]["sha256"] = "0" * 64

    with pytest.raises(UnreadableError, match=r"model\.bin' is neither a model nor an output"):
        verified(trained, forged(trained, other))


def test_a_forged_git_blob_is_named(trained: Repo) -> None:
    def other(statement: dict[str, Any]) -> None:
        dependency(statement, "train.py")["digest"]["gitBlob"] = "0" * 40

    assert named(verified(trained, forged(trained, other)), "different") == {("code", "train.py")}


def test_a_record_of_two_commits_is_refused(trained: Repo) -> None:
    def other(statement: dict[str, Any]) -> None:
        definition(statement)["internalParameters"]["mlopsci_commit"] = "0" * 40

    with pytest.raises(UnreadableError, match="names two commits"):
        verified(trained, forged(trained, other))


@pytest.mark.parametrize("path", ["../../outside", "/etc/passwd", ".git/config", "a//b", "C:\\x"])
def test_a_path_that_leaves_the_repository_is_refused(trained: Repo, path: str) -> None:
    record = forged(trained, lambda one: one["subject"][0].update(name=path))
    with pytest.raises(UnreadableError, match="not a path inside the repository"):
        verified(trained, record)


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("externalParameters", "params", []),
        ("externalParameters", "params", {"params.yaml": 1}),
        ("externalParameters", "model", None),
        ("internalParameters", "mlopsci_seeds", [True]),
        ("internalParameters", "mlopsci_environments", [{"path": 1}]),
        ("internalParameters", "mlopsci_lock_digest", 5),
        ("internalParameters", "mlopsci_machine", {"os": []}),
    ],
)
def test_what_has_the_wrong_shape_is_refused(
    trained: Repo, table: str, key: str, value: Any
) -> None:
    record = forged(trained, lambda one: definition(one)[table].update({key: value}))
    with pytest.raises(UnreadableError, match=r"forged\.jsonl:1: its "):
        verified(trained, record)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_link_out_of_the_repository_or_a_pipe_is_not_read(
    trained: Repo, tmp_path: Path, kind: str
) -> None:
    record = project.record(trained)
    model = trained.path / "model.bin"
    content = model.read_bytes()
    model.unlink()
    if kind == "link":
        tmp_path.joinpath("same").write_bytes(content)
        model.symlink_to(tmp_path / "same")
    else:
        os.mkfifo(model)
    assert named(verified(trained, record), "unknown") == {("model", "model.bin")}


def test_a_huge_file_in_the_place_of_a_small_one_is_not_read(trained: Repo) -> None:
    record = project.record(trained)
    model = trained.path / "model.bin"
    model.unlink()
    with model.open("wb") as file:
        file.truncate(1 << 42)
    (found,) = verified(trained, record).with_result("different")
    assert (found.name, found.found) == ("model.bin", "sha256 of 4.4\N{NO-BREAK SPACE}TB")


def test_a_lock_path_that_leaves_the_repository_is_undecided(trained: Repo) -> None:
    lock = {"path": "../x", "tool": "pip", "sha256": "0" * 64, "in_sync": "yes"}
    record = forged(
        trained,
        lambda one: definition(one)["internalParameters"].update(mlopsci_environments=[lock]),
    )
    assert named(verified(trained, record), "unknown") == {("environment", "../x")}


def test_a_secret_param_that_was_not_recorded_is_undecided(trained: Repo) -> None:
    yaml = project.FILES["dvc.yaml"].replace("[lr, seed]", "[lr, seed, api_key]")
    trained.commit(**{"dvc.yaml": yaml, "params.yaml": "lr: 0.1\nseed: 7\napi_key: abc\n"})
    found = verified(trained, project.record(trained))
    assert named(found, "unknown") == {("params", "params.yaml:api_key")}
