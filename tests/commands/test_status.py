"""`mlops-ci status`: what it prints, and its JSON, which is a contract."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from mlops_ci.cli import run as run_cli
from mlops_ci.git import Repository
from mlops_ci.lineage import notes
from mlops_ci.lineage.statement import encode
from mlops_ci.promote import stages, tags
from mlops_ci.promote.ledger import Promotion
from tests.promote.histories import History

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SUBJECT = {"name": "model.pkl", "digest": {"sha256": "0" * 64}}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = [
        ("churn@v1.0.0", 0, 0),
        ("churn#prod#1", 0, 60),
        ("churn@v1.1.0", 1, 90),
        ("a#dev#1", 1, 91),
    ]
    folder = History(tags=made, commits=2).write(tmp_path / "repo")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def status(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = run_cli(["status", *arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def grant(folder: Path, **changed: str) -> None:
    """Write the Promotion Record of churn#prod#1 into the notes, with some of it changed."""
    repository = Repository.discover(folder)
    holder = stages.states(tags.read(repository))["churn"].holder("prod")
    assert holder is not None
    facts = {
        "kind": "promote", "model": "churn", "version": holder.version, "stage": "prod", "tag": holder.tag.name,
        "tag_oid": holder.tag.oid, "commit": holder.tag.commit, "predecessor": "",
    }  # fmt: skip
    promotion = Promotion(**{**facts, **changed}, subject=(SUBJECT,), facts={})
    note(folder, holder.tag.oid, encode(promotion.statement()) + "\n")


def note(folder: Path, oid: str, text: str) -> None:
    command = ["git", "notes", "--ref", notes.REF, "add", "-f", "-F", "-", oid]
    subprocess.run(command, cwd=folder, input=text.encode(), check=True, capture_output=True)


def test_people_read(repository: Path, status: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = status()
    assert (code, err) == (0, "")
    short = subprocess.check_output(["git", "rev-parse", "main"], text=True)[:7]
    assert out.splitlines() == [
        "a",
        f"  ? dev  {short}  since 2023-11-14 22:14 UTC by Ada  (a#dev#1)  unverified",
        "  versions: none",
        "churn",
        "  ? prod  v1.0.0  since 2023-11-14 22:14 UTC by Ada  (churn#prod#1)  unverified",
        "  versions: v1.1.0, v1.0.0",
    ]
    grant(repository)
    assert "  ✓ prod  v1.0.0  since 2023-11-14 22:14 UTC by Ada  (churn#prod#1)\n" in status()[1]


def test_machines_read(repository: Path, status: Callable[..., tuple[int, str, str]]) -> None:
    grant(repository)
    code, out, _ = status("churn", "--json")
    commits = subprocess.check_output(["git", "rev-list", "--reverse", "main"], text=True).split()
    assert code == 0
    assert json.loads(out) == {
        "schema_version": 1,
        "models": [
            {
                "name": "churn",
                "versions": [
                    {"version": "v1.1.0", "tag": "churn@v1.1.0", "commit": commits[1]},
                    {"version": "v1.0.0", "tag": "churn@v1.0.0", "commit": commits[0]},
                ],
                "stages": [
                    {
                        "stage": "prod",
                        "version": "v1.0.0",
                        "tag": "churn#prod#1",
                        "commit": commits[0],
                        "since": "2023-11-14T22:14:20Z",
                        "by": "Ada",
                        "verified": True,
                    }
                ],
            }
        ],
        "problems": [],
    }


@pytest.mark.parametrize(
    "changed",
    [{"version": "v1.1.0"}, {"stage": "dev"}, {"model": "a"}, {"tag": "churn#prod#2"}, {"commit": "0" * 40},
     {"tag_oid": "0" * 40}],
    ids=str,
)  # fmt: skip
def test_a_record_of_something_else_verifies_nothing(
    repository: Path, status: Callable[..., tuple[int, str, str]], changed: dict[str, str]
) -> None:
    grant(repository, **changed)
    assert '"verified": false' in status("churn", "--json")[1]


@pytest.mark.parametrize("text", ["", "x\n", "{}\n", '{"predicateType": 1}\n', "[" * 9000 + "\n"])
def test_a_note_that_is_no_record(
    repository: Path, status: Callable[..., tuple[int, str, str]], text: str
) -> None:
    oid = subprocess.check_output(["git", "rev-parse", "churn#prod#1"], cwd=repository, text=True)
    note(repository, oid.strip(), text or "\n\n")
    code, out, _ = status("--json")
    assert code == 0
    assert '"verified": true' not in out


def test_many_notes_are_spread_over_folders(
    repository: Path, status: Callable[..., tuple[int, str, str]]
) -> None:
    grant(repository)
    oid = subprocess.check_output(["git", "rev-parse", notes.REF], text=True).strip()
    tree = subprocess.check_output(["git", "ls-tree", oid], text=True).split()
    spread = [f"M 100644 {tree[2]} {tree[3][:2]}/{tree[3][2:]}", f"D {tree[3]}"]
    start = [
        f"commit {notes.REF}",
        "committer A <a@b> 1700000000 +0000",
        "data 0",
        f"from {oid}",
    ]
    stream = "\n".join([*start, *spread, ""])
    subprocess.run(["git", "fast-import", "--quiet"], input=stream.encode(), check=True)
    assert '"verified": true' in status("churn", "--json")[1]


def test_an_unknown_model(repository: Path, status: Callable[..., tuple[int, str, str]]) -> None:
    del repository
    code, _, err = status("chrun")
    assert code == 2
    assert err == "error: no tag speaks of a model 'chrun'\n  models with tags: a, churn\n"


def test_no_tags(repo, monkeypatch, status) -> None:
    repo.commit(a="b")
    monkeypatch.chdir(repo.path)
    code, out, _ = status()
    assert code == 0
    assert out.startswith("No tag registers or promotes a model here.")


def test_a_shallow_clone_says_so(
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: Callable[..., tuple[int, str, str]],
) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{repository}", clone], check=True)
    monkeypatch.chdir(clone)
    said = status()[2]
    assert "warning: this clone is shallow" in said
    assert "git fetch origin 'refs/tags/*:refs/tags/*' 'refs/notes/*:refs/notes/*'" in said
