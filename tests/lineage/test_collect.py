"""A Record is bound to the bytes in the work tree, is the same for the same run, and survives being kept."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from mlops_ci.errors import ToolError, UnreadableError, UsageError
from mlops_ci.lineage import collect as collect_module
from mlops_ci.lineage import statement, store
from mlops_ci.lineage.collect import collect
from mlops_ci.lineage.run import TrainingRun
from mlops_ci.lineage.statement import PROVENANCE, STATEMENT, encode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Repo

DVC_YAML = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    params: [lr]
    outs: [model.bin]
    metrics:
    - metrics.json: {cache: false}
"""
FILES = {
    ".dvc/config": "",
    ".gitignore": "/model.bin\n",
    "dvc.yaml": DVC_YAML,
    "metrics.json": '{"accuracy": 0.9}\n',
    "params.yaml": "lr: 0.1\n",
    "train.py": "",
}


@pytest.fixture
def run(repo: Repo) -> TrainingRun:
    repo.write("model.bin", b"weights")
    commit = repo.commit(**FILES)
    return TrainingRun(
        command=("dvc", "repro"),
        started="2026-01-02T03:04:05Z",
        finished="2026-01-02T03:05:05Z",
        commit=commit,
    )


def test_the_subject_is_the_model_by_its_bytes(repo: Repo, run: TrainingRun) -> None:
    (statement,) = collect(repo.path, run)
    assert statement["_type"] == STATEMENT
    assert statement["predicateType"] == PROVENANCE
    (model,) = [one for one in statement["subject"] if one["name"] == "model.bin"]
    assert model["digest"]["sha256"] == hashlib.sha256(b"weights").hexdigest()


def test_equal_runs_have_equal_records(repo: Repo, run: TrainingRun) -> None:
    first, second = (list(map(encode, collect(repo.path, run))) for _ in range(2))
    assert first == second


def test_data_in_a_folder_in_git_is_data_and_code_beside_it_is_code(
    repo: Repo, run: TrainingRun
) -> None:
    files = {"src/train.py": "", "src/deep/a.csv": "1\n"}
    repo.commit(**{"dvc.yaml": DVC_YAML.replace("[train.py]", "[src]"), **files})
    (statement,) = collect(repo.path, run)
    dependencies = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    kinds = {one["name"]: one["annotations"]["kind"] for one in dependencies}
    assert (kinds["src/train.py"], kinds["src/deep/a.csv"]) == ("code", "data")


@pytest.mark.parametrize(
    ("path", "content"), [("model.bin", "other"), ("params.yaml", "lr: 0.2\n")]
)
def test_other_content_is_another_record(
    repo: Repo, run: TrainingRun, path: str, content: str
) -> None:
    before = list(map(encode, collect(repo.path, run)))
    repo.write(path, content)
    assert list(map(encode, collect(repo.path, run))) != before


def test_a_kept_record_is_the_newest_and_reads_back(repo: Repo, run: TrainingRun) -> None:
    older = store.write(repo.path, collect(repo.path, run))
    later = dataclasses.replace(run, started="2026-01-02T04:00:00Z")
    statements = collect(repo.path, later)
    newer = store.write(repo.path, statements)
    assert older != newer
    assert store.newest(repo.path) == newer
    assert list(map(encode, store.read(newer))) == list(map(encode, statements))
    assert repo.git("status", "--porcelain") == ""


def test_folders_with_very_many_files_together_are_kept_as_wholes(
    repo: Repo, run: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Record that is too large to be read would leave a training without any."""
    folders = [f"images_{number}" for number in range(4)]
    for folder in folders:
        for number in range(100):
            repo.write(f"{folder}/{number}.png", str(number))
    many = dataclasses.replace(run, outputs=tuple(folders))
    monkeypatch.setattr(statement, "MAX_BYTES", 60_000)
    with pytest.raises(UnreadableError, match="more than a Record can have"):
        store.write(repo.path, collect(repo.path, many))
    monkeypatch.setattr(collect_module, "MOST_LISTED", 150)
    (kept,) = store.read(store.write(repo.path, collect(repo.path, many)))
    names = [one["name"] for one in kept["predicate"]["runDetails"]["byproducts"]]
    assert set(folders) < set(names)
    assert [sum(name.startswith(f"{folder}/") for name in names) for folder in folders] == [
        100,
        0,
        0,
        0,
    ]


def test_the_last_record_is_the_newest_also_when_the_clock_was_set_back(
    repo: Repo, run: TrainingRun
) -> None:
    for started in ("2026-01-02T03:04:05Z", "2025-12-31T00:00:00Z", "2026-01-02T03:04:05.5Z"):
        statements = collect(repo.path, dataclasses.replace(run, started=started))
        written = store.write(repo.path, statements)
        assert store.newest(repo.path) == written
        assert store.read(written) == statements
    assert len(store.kept(repo.path)) == 3


@pytest.mark.parametrize("links", [True, False])
def test_records_that_are_written_at_once_are_all_kept(
    repo: Repo, run: TrainingRun, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    statements, writers = collect(repo.path, run), 6
    together, put = threading.Barrier(writers, timeout=60), store._put

    def at_once(file: Path, path: Path) -> None:
        with suppress(threading.BrokenBarrierError):
            together.wait()
        together.abort()
        put(file, path)

    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(store, "_put", at_once)
    if not links:
        monkeypatch.setattr(os, "link", refused)
    with ThreadPoolExecutor(writers) as pool:
        written = list(pool.map(lambda _: store.write(repo.path, statements), range(writers)))
    assert len(set(written)) == writers
    assert set(store.kept(repo.path)) == set(written)
    assert all(store.read(one) == statements for one in written)
    assert len(list((repo.path / store.FOLDER).iterdir())) == writers


@pytest.mark.parametrize("content", ["", "{", "[]\n", '{"a": 1, "a": 2}\n', "[" * 100_000])
def test_what_is_no_record_is_refused(repo: Repo, content: str) -> None:
    path = repo.write("broken.jsonl", content)
    with pytest.raises(UnreadableError):
        store.read(path)


def test_a_record_that_is_not_there_says_what_to_type(repo: Repo) -> None:
    with pytest.raises(UsageError, match="no Record"):
        store.read(repo.path / "none.jsonl")


def test_a_full_disk_leaves_nothing_that_the_next_run_would_believe(
    repo: Repo, run: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements = collect(repo.path, run)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ToolError, match="No space left on device; results are kept") as caught:
        store.write(repo.path, statements)
    assert "mlops-ci train" in caught.value.hint
    assert [one for one in repo.path.rglob(".mlops-ci/**/*") if one.is_file()] == []
    monkeypatch.undo()
    store.write(repo.path, statements)
    assert repo.git("status", "--porcelain") == ""
