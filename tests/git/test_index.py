"""The index as Git uses it now: partial staging, hooks, linked worktrees, conflicts, sparse checkouts."""

from __future__ import annotations

import subprocess

import pytest

from mlops_ci.errors import UnreadableError
from mlops_ci.git import Repository
from mlops_ci.git.index import IndexTree


def index_of(path) -> IndexTree:
    return IndexTree(Repository.discover(path))


def test_it_has_what_is_staged_and_not_what_is_on_disk(repo):
    repo.commit(a="one", gone="x", kept="x")
    repo.write("a", "two")
    repo.git("add", "a")
    repo.git("rm", "--cached", "gone")
    repo.write("a", "three")
    repo.write("new", "x")
    (repo.path / "kept").unlink()
    tree = index_of(repo.path)
    assert sorted(tree.entries) == ["a", "kept"]
    assert tree.read("a") == b"two"
    assert tree.read("gone") is None
    assert tree.read("new") is None


def test_before_the_first_commit(repo):
    assert index_of(repo.path).entries == {}
    repo.write("a", "x")
    repo.git("add", "a")
    assert index_of(repo.path).read("a") == b"x"


@pytest.mark.parametrize("on_disk", ["", "text"])
def test_a_file_that_is_only_announced_is_not_there(repo, on_disk):
    repo.commit(empty="", other="x")
    repo.write("announced", on_disk)
    repo.write("new-empty", "")
    repo.git("add", "--intent-to-add", "announced")
    repo.git("add", "new-empty")
    assert sorted(index_of(repo.path).entries) == ["empty", "new-empty", "other"]


def test_a_conflict_cannot_be_read(repo):
    repo.commit(a="one")
    repo.git("switch", "-qc", "side")
    repo.commit(a="two")
    repo.git("switch", "-q", "main")
    repo.commit(a="three", b="x")
    subprocess.run(["git", "merge", "side"], cwd=repo.path, capture_output=True, check=False)
    tree = index_of(repo.path)
    assert sorted(tree.entries) == ["a", "b"]
    assert tree.unmerged == {"a"}
    assert tree.blobs(["a", "b"]).keys() == {"b"}
    with pytest.raises(UnreadableError, match="merge conflicts"):
        tree.read("a")


def test_names_of_every_kind(repo):
    names = ["a b", "a\nb", "données", "-dash", '"quoted"', "tab\there", "bad\udcff"]
    for name in names:
        repo.write(name, name.encode("utf-8", "surrogateescape"))
    repo.git("add", "--all")
    tree = index_of(repo.path)
    assert sorted(tree.entries) == sorted(names)
    assert all(tree.read(name) == name.encode("utf-8", "surrogateescape") for name in names)


def test_in_a_sparse_checkout_all_entries_are_there(repo):
    repo.commit(**{"in/a": "1", "out/b": "2"})
    repo.git("sparse-checkout", "set", "in")
    assert not (repo.path / "out/b").exists()
    assert index_of(repo.path).read("out/b") == b"2"


def test_a_linked_worktree_has_its_own(repo, tmp_path):
    repo.commit(a="one")
    other = tmp_path / "other"
    repo.git("worktree", "add", "-q", str(other))
    (other / "a").write_text("two")
    subprocess.run(["git", "add", "a"], cwd=other, check=True)
    assert index_of(other).read("a") == b"two"
    assert index_of(repo.path).read("a") == b"one"


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        (["-m", "x"], "a=staged b=old "),
        (["-a", "-m", "x"], "a=disk b=disk "),
        (["-m", "x", "--", "b"], "a=old b=disk "),
        (["-m", "x", "--include", "--", "b"], "a=staged b=disk "),
    ],
)
def test_in_a_hook_it_is_the_index_of_the_commit(repo, arguments, seen):
    """Git uses another file than .git/index for `-a` and for paths."""
    repo.commit(a="old", b="old")
    script = (
        "#!/bin/sh\n"
        "exec python - <<'END'\n"
        "from pathlib import Path\n"
        "from mlops_ci.git import Repository\n"
        "from mlops_ci.git.index import IndexTree\n"
        "tree = IndexTree(Repository.discover(Path.cwd()))\n"
        "for name in 'ab': print(name, tree.read(name).decode(), sep='=', end=' ', file=open('seen', 'a'))\n"
        "END\n"
    )
    hook = repo.write(".git/hooks/pre-commit", script)
    hook.chmod(0o755)
    repo.write("a", "staged")
    repo.git("add", "a")
    repo.write("a", "disk")
    repo.write("b", "disk")
    repo.git("commit", "-q", *arguments)
    assert (repo.path / "seen").read_text() == seen


def test_a_few_files_without_a_list_of_all(repo):
    repo.commit(**{"a": "1", "d/x": "2", "d/y": "3"})
    tree = IndexTree(Repository.discover(repo.path))
    oid = repo.git("rev-parse", ":a")
    for _ in range(2):
        assert tree.staged(["a", "d", "gone"]) == {"a": [("100644", oid, "0")]}
    assert tree.staged(["d/x"]).keys() == {"d/x"}
    assert "modes" not in vars(tree)


def test_what_is_huge_is_not_read_and_hides_nothing(repo, monkeypatch):
    monkeypatch.setattr("mlops_ci.git.objects._HUGE", 2_000)
    small = {f"s{number}": f"{number}\n" for number in range(250)}
    repo.commit(
        **small, **{f"h{number}": f"{number}" * 3_000 for number in range(5)}, large="x" * 1_500
    )
    tree = index_of(repo.path)
    process = tree.repository.objects._contents
    tree.repository.objects.expect(set(tree.entries.values()), 1_000)
    known = tree.repository.objects.known
    assert {path for path, oid in tree.entries.items() if oid in known} == set(small)
    assert tree.read("h1") == b"1" * 3_000
    assert process.returncode not in (None, 0), "Git is stopped"
