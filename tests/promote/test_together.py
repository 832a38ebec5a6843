"""A model and its tokenizer, two artifacts of one release: promoted all or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlops_ci.git import Repository
from mlops_ci.lineage import notes
from mlops_ci.promote.book import Book
from tests.lineage import project
from tests.promote.conftest import record
from tests.promote.test_promote import tag

if TYPE_CHECKING:
    from tests.conftest import Repo

pytestmark = pytest.mark.real

ARTIFACTS = """\
artifacts:
  churn: {path: model.bin, type: model}
  tokenizer: {path: vocabulary.json, type: tokenizer}
"""


@pytest.fixture
def release(released: Repo) -> Repo:
    """v2.0.0 of both at the newest commit; the tokenizer asks as well."""
    train = (released.path / "train.py").read_text(encoding="utf-8")
    released.write("train.py", train + 'pathlib.Path("vocabulary.json").write_text("[1]")\n')
    stages = (released.path / "dvc.yaml").read_text(encoding="utf-8")
    outs = stages.replace("outs: [model.bin]", "outs: [model.bin, vocabulary.json]")
    released.write("dvc.yaml", outs + ARTIFACTS)
    released.write("params.yaml", "lr: 0.3\nseed: 9\n")
    project.dvc(released.path, "repro")
    project.dvc(released.path, "push")
    released.commit("train v2.0.0")
    record(released)
    released.git("push", "-q", "origin", "HEAD:main", "refs/notes/*:refs/notes/*")
    for name in ("churn", "tokenizer"):
        released.git("tag", "-a", "-m", "second", f"{name}@v2.0.0")
    tag(released, "churn#prod#1", "v2.0.0", 1)
    tag(released, "tokenizer#prod#1", "v2.0.0", 1)
    return released


def granted(repo: Repo) -> dict[str, list[str]]:
    book = Book(repository=Repository.discover(repo.path))
    return {
        model: [one.subject[0]["name"] for one in book.promotions_of(model, "prod")]
        for model in ("churn", "tokenizer")
    }


def test_both_are_promoted_in_one_step(release: Repo, cli: Any) -> None:
    code, out, err = cli("promote", "churn#prod#1", "tokenizer#prod#1")
    assert (code, err) == (0, "")
    assert "churn#prod v2.0.0: promoted (the first)" in out
    assert "tokenizer#prod v2.0.0: promoted (the first)" in out
    assert granted(release) == {"churn": ["model.bin"], "tokenizer": ["vocabulary.json"]}
    code, out, _ = cli("promote", "tokenizer#prod#1", "churn#prod#1")
    assert code == 0
    assert out.count("was promoted before") == 2


def test_one_that_is_refused_stops_all(release: Repo, cli: Any) -> None:
    """The tokenizer is not what was trained: neither is promoted, in whatever order they are named."""
    (release.path / ".dvc/cache").rename(release.path / "gone")
    (outs,) = [
        stage["outs"]
        for stage in yaml.safe_load(release.git("show", "HEAD:dvc.lock"))["stages"].values()
    ]
    (md5,) = [one["md5"] for one in outs if one["path"] == "vocabulary.json"]
    file = release.path.parent / "remote/files/md5" / md5[:2] / md5[2:]
    file.chmod(0o644)
    file.write_bytes(b"[2]")
    for order in (("churn#prod#1", "tokenizer#prod#1"), ("tokenizer#prod#1", "churn#prod#1")):
        code, _, err = cli("promote", *order)
        assert code in (1, 3), err
        assert "vocabulary.json" in err
        assert granted(release) == {"churn": [], "tokenizer": []}


def test_killed_between_two_notes_neither_is_promoted(
    release: Repo, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = notes._add

    def killed(repository: Repository, draft: str, commit: str, wanted: set[str]) -> None:
        if any("tokenizer#prod" in line for line in wanted):
            raise KeyboardInterrupt
        add(repository, draft, commit, wanted)

    with monkeypatch.context() as patched:
        patched.setattr(notes, "_add", killed)
        cli("promote", "churn#prod#1", "tokenizer#prod#1")
    assert granted(release) == {"churn": [], "tokenizer": []}
    assert cli("promote", "churn#prod#1", "tokenizer#prod#1")[0] == 0
    assert all(granted(release).values())


def test_two_tags_for_one_stage_are_a_mistake(release: Repo, cli: Any) -> None:
    code, _, err = cli("promote", "churn#prod#1", "churn#prod#1")
    assert code == 2
    assert "two of these tags ask for churn#prod" in err
