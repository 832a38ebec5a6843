"""Half of a change staged, in each direction; and all that only looks like it."""

from __future__ import annotations

ID = "half-commit"


def found(judge) -> dict[str, str]:
    return {one.path: one.what for one in judge(ID)}


def test_the_new_lock_is_not_staged_with_the_code(trained, judge):
    trained.change(code="two")
    trained.stage("train.py")
    (one,) = judge(ID)
    assert one.path == "dvc.lock"
    assert "stage train has run with train.py, and its new entry is not staged" in one.what
    assert one.fix == "git add -- dvc.lock"


def test_the_new_lock_is_not_staged_with_the_params(trained, judge):
    trained.change(lr=0.2)
    trained.stage("params.yaml")
    assert found(judge).keys() == {"dvc.lock"}


def test_the_new_lock_is_not_staged_with_the_pointer(trained, judge):
    trained.change(data="3,4\n")
    trained.stage("data.csv.dvc")
    assert found(judge).keys() == {"dvc.lock"}


def test_the_code_is_not_staged_with_the_lock(trained, judge):
    trained.change(code="two", metrics='{"auc": 0.8}\n')
    trained.stage("dvc.lock")
    assert found(judge).keys() == {"train.py", "metrics.json"}


def test_the_params_are_not_staged_with_the_lock(trained, judge):
    trained.change(lr=0.2)
    trained.stage("dvc.lock")
    assert found(judge).keys() == {"params.yaml"}


def test_the_pointer_is_not_staged_with_the_lock(trained, judge):
    trained.change(data="3,4\n")
    trained.stage("dvc.lock")
    assert found(judge).keys() == {"data.csv.dvc"}


def test_a_new_pointer_is_not_staged_with_its_gitignore(trained, judge):
    repo = trained.repo
    repo.write("raw/more.csv", "x")
    repo.write("raw/more.csv.dvc", "outs:\n- {path: more.csv, md5: abc, hash: md5}\n")
    repo.write("raw/.gitignore", "/more.csv\n")
    repo.git("add", "raw/.gitignore")
    assert found(judge).keys() == {"raw/more.csv.dvc"}


def test_a_new_pointer_is_not_staged_with_the_stage_that_needs_it(repo, judge):
    from tests.checks.conftest import project

    files = project()
    for path, text in files.items():
        repo.write(path, text)
    repo.git("add", "--", *(files.keys() - {"data.csv.dvc"}))
    assert found(judge).keys() == {"data.csv.dvc"}


def test_a_whole_change_is_fine(trained, judge):
    changed = trained.change(code="two", lr=0.2, data="3,4\n", metrics="{}\n")
    trained.stage(*changed)
    assert len(changed) == 5
    assert found(judge) == {}


def test_code_alone_is_not_half_of_anything_before_the_run(trained, judge):
    trained.repo.write("train.py", "two")
    trained.stage("train.py")
    trained.repo.write("params.yaml", "lr: 0.3\n")
    assert found(judge) == {}


def test_a_lock_that_is_new_on_disk_for_another_stage_is_none_of_this_change(trained, judge):
    trained.repo.write("train.py", "two")
    trained.stage("train.py")
    trained.repo.write("dvc.lock", trained.old["dvc.lock"] + "  other:\n    cmd: x\n")
    assert found(judge) == {}


def test_code_that_went_on_after_the_run_is_fine(trained, judge):
    """What is staged is what ran; the edit on disk came later."""
    changed = trained.change(code="two")
    trained.stage(*changed)
    trained.repo.write("train.py", "three")
    trained.repo.write("params.yaml", "lr: 0.9\n")
    assert found(judge) == {}


def test_the_same_number_in_another_spelling_is_the_same(trained, judge):
    trained.change(code="two")
    trained.stage("dvc.lock", "train.py")
    trained.repo.write("params.yaml", "lr: 1e-1\n")
    assert found(judge) == {}


def test_unrelated_files(trained, judge):
    trained.repo.write("README.md", "x")
    trained.stage("README.md")
    trained.change(code="two")
    assert found(judge) == {}


def test_there_is_no_half_in_history(trained, judge):
    trained.change(code="two")
    trained.stage("train.py")
    trained.repo.git("commit", "-qm", "half")
    assert judge(ID) == []
    assert judge(ID, from_ref="HEAD~1") == []
    assert judge(ID, all_files=True) == []


def test_broken_files_on_disk_are_no_evidence(trained, judge):
    trained.repo.write("train.py", "two")
    trained.stage("train.py")
    trained.repo.write("dvc.lock", "<<<<<<<\n")
    assert found(judge) == {}


def test_odd_names(repo, judge):
    from tests.checks.conftest import md5

    name = "a b/[x]*\n.py"
    repo.write(
        "dvc.yaml",
        f'stages: {{a: {{cmd: x, deps: ["{name.encode("unicode_escape").decode()}"]}}}}\n',
    )
    entry = 'schema: "2.0"\nstages: {a: {cmd: x, deps: [{path: "%s", hash: md5, md5: %s}]}}\n'
    repo.write("dvc.lock", entry % (name.replace("\n", "\\n"), md5("one")))
    repo.commit(**{name: "one"})
    repo.write("dvc.lock", entry % (name.replace("\n", "\\n"), md5("two")))
    repo.write(name, "two")
    repo.git("add", "dvc.lock")
    (one,) = judge(ID)
    assert one.path == name
    assert one.fix == "git add -- $':(literal)a b/[x]*\\x0a.py'"
