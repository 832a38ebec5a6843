"""The quick ways to a file give what the tree gives."""

from __future__ import annotations

from typing import Any

import pytest

from mlops_ci.checks import quick
from mlops_ci.checks.scope import Asked, find_scope
from mlops_ci.errors import UnreadableError
from mlops_ci.git import Repository

NAMES = ("a b", "line\nbreak", "é", "-dash", "[x]", "d/:(top)y", "1:a b", "0:é", "^{}", "a\rb ")


@pytest.mark.parametrize("all_files", [True, False])
def test_it_reads_as_the_tree_does(repo: Any, all_files: bool) -> None:
    repo.commit(**dict.fromkeys(NAMES, "old"), kept="kept\n", unchanged="1\n2\n", gone="x")
    for name in NAMES:
        repo.write(name, f"new {name}")
    (repo.path / "link").symlink_to("kept")
    repo.git("rm", "-q", "gone")
    repo.git("add", "--all")
    repo.write("kept", "only on disk")
    scope = find_scope(Repository.discover(repo.path), Asked(all_files=all_files), {})
    wanted = [*NAMES, "kept", "unchanged", "link", "gone", "never"]
    for name in wanted:
        assert quick.read(scope, name) == scope.tree.read(name)
    assert quick.existing(scope, wanted) == {*NAMES, "kept", "unchanged", "link"}
    if not all_files:
        assert quick.before(scope, "é") == b"old"
        assert quick.before(scope, "link") is None


def test_a_pointer_of_lfs_is_not_content(repo: Any) -> None:
    oid = "0" * 64
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 3\n"
    repo.write("a", text)
    repo.git("add", "--all")
    scope = find_scope(Repository.discover(repo.path), Asked(), {})
    with pytest.raises(UnreadableError, match="LFS"):
        quick.read(scope, "a")
