"""Metrics that are not what a stage wrote, and all that only looks like it."""

from __future__ import annotations

import pytest

from tests.checks.conftest import md5

ID = "metrics-unedited"


def test_an_edited_number_is_found(trained, judge):
    trained.repo.write("metrics.json", '{"auc": 0.99}\n')
    trained.stage("metrics.json")
    (one,) = judge(ID)
    assert one.path == "metrics.json"
    assert "is not what stage train wrote" in one.what
    assert one.fix == "dvc repro dvc.yaml:train && git add -- metrics.json dvc.lock"


def test_where_the_file_on_disk_is_right_it_is_to_be_staged(trained, judge):
    trained.change(code="two", metrics='{"auc": 0.8}\n')
    trained.stage("dvc.lock", "train.py")
    (one,) = judge(ID)
    assert one.fix == "git add -- metrics.json"


def test_so_is_what_a_formatter_changes(trained, judge):
    trained.repo.write("metrics.json", '{"auc": 0.9}')
    trained.stage("metrics.json")
    assert len(judge(ID)) == 1


def test_and_an_edited_lock(trained, judge):
    text = trained.old["dvc.lock"].replace(md5(trained.old["metrics.json"]), md5("other"))
    trained.repo.write("dvc.lock", text)
    trained.stage("dvc.lock")
    assert len(judge(ID)) == 1


def test_a_new_run_is_fine(trained, judge):
    trained.stage(*trained.change(code="two", metrics='{"auc": 0.8}\n'))
    assert judge(ID) == []


@pytest.mark.parametrize("content", ['{"auc": 0.9}\r\n', '{"auc": 0.9}\n'])
@pytest.mark.parametrize("recorded", ['{"auc": 0.9}\r\n', '{"auc": 0.9}\n'])
def test_other_line_ends_are_not_an_edit(trained, judge, content, recorded):
    text = trained.old["dvc.lock"].replace(md5(trained.old["metrics.json"]), md5(recorded))
    trained.repo.write("dvc.lock", text)
    trained.repo.write("metrics.json", content)
    trained.repo.write("new", "x")
    trained.stage("dvc.lock", "metrics.json", "new")
    assert judge(ID) == []


def test_an_old_difference_is_not_of_this_change(trained, judge):
    trained.repo.commit(**{"metrics.json": "{}"})
    trained.repo.write("train.py", "metrics.json")
    trained.stage("train.py")
    assert judge(ID) == []
    assert len(judge(ID, all_files=True)) == 1


def test_a_range(trained, judge):
    trained.repo.commit(**{"metrics.json": "{}"})
    trained.repo.commit(other="x")
    assert len(judge(ID, from_ref="HEAD~2")) == 1
    assert judge(ID, from_ref="HEAD~1") == []


def test_what_never_ran_and_what_is_not_in_git_cannot_be_edited(repo, judge):
    repo.write(
        "dvc.yaml",
        "stages:\n  a: {cmd: x, metrics: [cached.json, {m.json: {cache: false}}]}\nmetrics: [t.json]\n",
    )
    repo.write("m.json", "{}")
    repo.write("t.json", "{}")
    repo.git("add", "--all")
    assert judge(ID) == []
    assert judge(ID, all_files=True) == []


def test_a_deleted_metrics_file_is_not_an_edit(trained, judge):
    trained.repo.git("rm", "-q", "metrics.json")
    assert judge(ID) == []


def test_what_a_filter_changes_cannot_be_told(trained, judge):
    trained.repo.write(".gitattributes", "*.json filter=shrink\n")
    trained.repo.write("metrics.json", "{}")
    trained.stage(".gitattributes", "metrics.json")
    (one,) = judge(ID)
    assert one.undecided
    assert "the filter shrink" in one.what


def test_a_pointer_of_lfs_without_its_object_cannot_be_told(trained, judge):
    trained.repo.write(
        "metrics.json",
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 3\n",
    )
    trained.stage("metrics.json")
    (one,) = judge(ID)
    assert one.undecided
    assert one.fix == "git lfs pull --include metrics.json"
