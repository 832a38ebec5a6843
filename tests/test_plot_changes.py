"""Plots of two revisions of a real repository."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from mlops_ci.diff import Request, diff
from mlops_ci.plots import Curve, Matrix, Picture, PlotChange
from mlops_ci.plots import files as plot_files

DVC_YAML = """\
stages:
  eval:
    cmd: python eval.py
    metrics: [m.json: {cache: false}]
    plots:
    - log.csv: {cache: false, x: epoch, y: loss}
    - dir: {cache: false, x: step}
plots:
- ROC: {template: simple, x: fpr, y: {roc.json: tpr}}
- shown.png
"""
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x02"
BEFORE = {
    ".dvc/config": "",
    "dvc.yaml": DVC_YAML,
    "m.json": '{"auc": 0.5}',
    "log.csv": "epoch,loss\n1,0.5\n2,0.4\n",
    "dir/a.tsv": "step\tacc\n0\t0.5\n1\t0.6\n",
    "dir/b.tsv": "step\tacc\n0\t0.5\n1\t0.6\n",
    "dir/notes.txt": "x",
    "roc.json": '{"roc": [{"fpr": 0, "tpr": 0}, {"fpr": 1, "tpr": 1}]}',
    "shown.png": PNG,
}
AFTER = {
    "log.csv": "epoch,loss\n1,0.5\n2,0.3\n",
    "dir/a.tsv": "step\tacc\n0\t0.5\n1\t0.7\n",
    "dir/notes.txt": "y",
    "roc.json": '{"roc": [{"fpr": 0, "tpr": 0.2}, {"fpr": 1, "tpr": 1}]}',
    "shown.png": PNG[:-1] + b"\x09",
}


def plots(repo: Any, **request: Any) -> dict[str, PlotChange]:
    found = diff(Request(start=repo.path, plots=True, **request))
    return {one.path: one for model in found.models for one in model.plots}


@pytest.fixture
def changed(repo: Any) -> Any:
    repo.commit(**BEFORE)
    repo.git("switch", "--quiet", "--create", "change")
    repo.commit(**AFTER)
    return repo


@pytest.mark.parametrize("request_", [{"base": "main", "head": "change"}, {"base": "main"}])
def test_those_that_differ(changed, request_):
    found = plots(changed, **request_)
    assert {path: one.kind for path, one in found.items()} == {
        "log.csv": "curve",
        "dir/a.tsv": "curve",
        "roc.json": "curve",
        "shown.png": "picture",
    }
    assert (found["log.csv"].x, found["log.csv"].y) == ("epoch", "loss")
    assert (found["dir/a.tsv"].x, found["dir/a.tsv"].y) == ("step", "acc")
    assert found["roc.json"].candidate == Curve(points=((0, 0.2), (1, 1)), count=2)
    assert isinstance(found["shown.png"].baseline, Picture)


def test_none_are_read_unless_asked_for(changed, monkeypatch):
    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(plot_files, "changes", fail)
    (model,) = diff(Request(start=changed.path, base="main")).models
    assert model.plots == ()
    with pytest.raises(AssertionError):
        plots(changed, base="main")
    changed.git("checkout", "--quiet", "main", "--", ".")
    changed.git("commit", "--quiet", "--message", "back")
    assert plots(changed, base="main") == {}


def test_one_that_is_broken_does_not_hide_the_others(changed):
    changed.write("roc.json", "{")
    changed.write("shown.png", "<svg/>")
    found = plots(changed, base="main")
    assert found["roc.json"].reason.startswith("candidate: ")
    assert found["shown.png"].reason == "candidate: is no PNG and no JPEG"
    assert found["log.csv"].kind == "curve"


def test_a_link_out_of_the_repository_is_not_followed(changed, tmp_path):
    (tmp_path / "secret.csv").write_text("epoch,loss\n1,42\n")
    (changed.path / "log.csv").unlink()
    (changed.path / "log.csv").symlink_to(tmp_path / "secret.csv")
    one = plots(changed, base="main")["log.csv"]
    assert (one.kind, one.candidate) == ("other", None)
    assert one.reason == "is a symbolic link that leaves the repository"


def test_nothing_outside_of_the_repository_is_even_named(changed, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.csv").write_text("a\n1\n")
    (changed.path / "link").symlink_to(tmp_path / "outside")
    more = f"- link\n- ../outside\n- {tmp_path}/outside\n- X: {{y: {{{tmp_path}/outside: a}}}}\n"
    changed.write("dvc.yaml", DVC_YAML + more)
    found = plots(changed, base="main")
    assert {"link", "../outside", f"{tmp_path}/outside"} <= found.keys()
    assert not [path for path in found if "secret" in path]
    assert found["../outside"].reason == "is outside the repository"
    assert found["link"].reason == "is a symbolic link that leaves the repository"


def test_added_and_removed(changed):
    changed.git("rm", "--quiet", "log.csv", "dir/a.tsv", "dir/b.tsv", "dir/notes.txt")
    changed.write("dir/c.tsv", "step\tacc\n0\t0.9\n")
    found = plots(changed, base="main")
    assert (found["log.csv"].change, found["log.csv"].candidate) == ("removed", None)
    assert (found["dir/b.tsv"].change, found["dir/c.tsv"].change) == ("removed", "added")


def test_both_sides_are_drawn_as_the_candidate_declares(changed):
    declared = DVC_YAML.replace("x: epoch, y: loss", "template: confusion, x: epoch, y: loss")
    changed.write("dvc.yaml", declared)
    one = plots(changed, base="main")["log.csv"]
    assert one.kind == "confusion"
    assert isinstance(one.baseline, Matrix)


def test_a_plot_in_the_cache_of_dvc(repo):
    lock = "schema: '2.0'\nstages:\n  eval:\n    cmd: x\n    outs:\n    - {{path: log.csv, hash: md5, md5: {}}}\n"

    def cached(content: str) -> str:
        md5 = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
        repo.write(f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}", content)
        return lock.format(md5)

    declared = "stages:\n  eval:\n    cmd: x\n    plots: [log.csv: {x: epoch}]\n"
    first, second = cached(BEFORE["log.csv"]), cached(AFTER["log.csv"])
    repo.write(".gitignore", "log.csv\n.dvc/cache\n")
    repo.commit(**{"dvc.yaml": declared, "dvc.lock": first, ".dvc/config": ""})
    repo.commit(**{"dvc.lock": second})
    found = plots(repo, base="HEAD~1", head="HEAD", fetch=False)
    assert found["log.csv"].candidate == Curve(points=((1, 0.5), (2, 0.3)), count=2)
    for file in (repo.path / ".dvc/cache").rglob("??????????????*"):
        file.unlink()
    found = plots(repo, base="HEAD~1", head="HEAD", fetch=False)
    assert "is not in the DVC cache" in found["log.csv"].reason
    assert plots(repo, base="HEAD", head="HEAD", fetch=False) == {}


def test_more_than_anybody_looks_at(repo):
    names = [f"p{at:02}.csv" for at in range(45)]
    declared = "plots: [" + ", ".join(names) + "]\nmetrics: [m.json]\n"
    repo.commit(**{"dvc.yaml": declared, "m.json": "{}", **dict.fromkeys(names, "a\n1\n")})
    for name in names:
        repo.write(name, "a\n2\n")
    found = plots(repo)
    assert len(found) == 45
    assert found["p39.csv"].kind == "curve"
    assert found["p40.csv"].reason == "is not read: more than 40 plots differ"
