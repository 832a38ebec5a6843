"""What may not enter Git: by kind and size, as a ratchet; tool folders, caches and outputs at any size."""

from __future__ import annotations

import io
import json
import pickle
import shlex
import struct
import subprocess
import sys
import zipfile

import pytest

from mlops_ci.checks.file_kinds import kind_of_content, kind_of_name
from mlops_ci.git import Repository, blobs
from tests.checks.conftest import pointer

ID = "data-not-in-git"
KB, MB = 1000, 1000 * 1000


def stage(repo, **files: str | bytes) -> None:
    for path, content in files.items():
        repo.write(path, content)
    repo.git("add", "--all", "--force")


def rules(findings) -> dict[str, str]:
    return {one.path: one.rule.removeprefix(f"{ID}/") for one in findings}


def torch_file() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("archive/data.pkl", b"x" * 20 * KB)
    return made.getvalue()


SAFETENSORS = struct.pack("<Q", 12) + b'{"a": "bcd"}' + bytes(20 * KB)

BAD = {
    "model.pkl": (bytes(11 * KB), "model"),
    "net.safetensors": (bytes(11 * KB), "model"),
    "pickled": (pickle.dumps([0.5] * 3 * KB), "model"),
    "pickled.v2": (pickle.dumps([0.5] * 3 * KB, protocol=2), "model"),
    "best.weights_v1": (torch_file(), "model"),
    "weights": (SAFETENSORS, "model"),
    "keras_v3": (b"\x89HDF\r\n\x1a\n" + bytes(20 * KB), "model"),
    "train.csv": (b"1,2\n" * 126 * KB, "data"),
    "TRAIN.CSV": (b"1,2\n" * 126 * KB, "data"),
    "part-0": (b"PAR1" + bytes(501 * KB), "data"),
    "a.ipynb": ("x" * (MB + 1), "notebook"),
    "slides.pdf": (bytes(2 * MB + 1), "media"),
    "blob.xyz": (bytes(501 * KB), "binary"),
    "dump.sql": ("x" * (MB + 1), "text"),
    "no_suffix": ("x" * (MB + 1), "text"),
    "tests/data/sample.csv": (bytes(MB + 1), "data"),
}
GOOD = {
    "small.pkl": bytes(10 * KB),
    "small.csv": b"1,2\n" * 125 * KB,
    "notes.ipynb": "x" * MB,
    "figure.png": bytes(2 * MB),
    "page.html": "x" * MB,
    "blob.xyz": bytes(500 * KB),
    "uv.lock": "x" * 3 * MB,
    "package-lock.json": "x" * 3 * MB,
    "data.dvc": "x" * 2 * MB,
    "tests/fixtures/model.pkl": bytes(MB),
    "header.json": json.dumps({"a": ["x"] * 5 * KB}),
    "big_number": struct.pack("<Q", 10**12) + b'{"' + b"text" * 5 * KB,
    "pointer.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9999999999\n",
}


@pytest.mark.parametrize("path", BAD)
def test_it_finds(repo, judge, path):
    content, rule = BAD[path]
    stage(repo, **{path: content})
    (found,) = judge(ID)
    assert (found.path, found.rule, found.level) == (path, f"{ID}/{rule}", "error")
    assert found.why
    assert found.fix


def test_it_lets_through(repo, judge):
    stage(repo, **GOOD)
    assert judge(ID) == []


def test_a_ratchet_fails_where_the_limit_is_crossed(repo, judge):
    big = bytes(600 * KB)
    repo.commit(**{"old.csv": big, "grows.csv": bytes(KB), "grows-on.csv": big, "jumps.csv": big,
                   "shrinks.csv": big, "moves.csv": big + b"1", "edited.csv": big + b"2"})  # fmt: skip
    for path in ("moves.csv", "edited.csv"):
        repo.git("mv", "--", path, f"moved-{path}")
    (repo.path / "folder").mkdir()
    repo.git("mv", "moved-edited.csv", "folder/edited.csv")
    stage(
        repo,
        **{
            "old.csv": bytes(599 * KB),
            "grows.csv": big,
            "grows-on.csv": bytes(700 * KB),
            "jumps.csv": bytes(1200 * KB),
            "shrinks.csv": b"",
            "folder/edited.csv": big + b"more",
        },
    )
    assert rules(judge(ID)) == {"grows.csv": "data", "jumps.csv": "data"}


def test_what_was_there_is_found_when_all_files_are_judged(repo, judge):
    repo.commit(**{"old.csv": bytes(600 * KB)})
    repo.commit(other="x")
    assert judge(ID) == []
    assert rules(judge(ID, all_files=True)) == {"old.csv": "data"}


def test_a_range_judges_what_it_brings(repo, judge):
    repo.commit(**{"old.csv": bytes(600 * KB)})
    repo.commit(**{"new.csv": bytes(600 * KB)})
    repo.commit(other="x")
    (found,) = judge(ID, from_ref="HEAD~2")
    assert found.path == "new.csv"
    assert "git rebase -i" in found.fix
    assert judge(ID, from_ref="HEAD~1") == []


def test_what_is_read_is_the_index(repo, judge):
    stage(repo, **{"a.csv": bytes(KB), "b.csv": bytes(600 * KB)})
    repo.write("a.csv", bytes(600 * KB))
    repo.write("b.csv", b"")
    assert rules(judge(ID)) == {"b.csv": "data"}


def test_many_files_of_one_folder_are_one_finding(repo, judge):
    stage(repo, **{f"data/raw/{n}.csv": bytes(501 * KB) for n in range(7)})
    (found,) = judge(ID)
    assert found.path == "data/raw"
    assert found.what.startswith("7 files, 3.51\N{NO-BREAK SPACE}MB: each is data")
    assert "dvc add data/raw &&" in found.fix


TOOLS = {
    "mlruns/0/meta.yaml": "tracker",
    "exp/mlruns/0/abc/metrics/auc": "tracker",
    "mlflow.db": "tracker",
    "wandb/run-20240101_1-abc/files/config.yaml": "tracker",
    "lightning_logs/version_0/hparams.yaml": "tracker",
    "runs/a/events.out.tfevents.123": "tracker",
    ".dvc/cache/files/md5/ab/" + "0" * 30: "cache",
    "store/files/md5/ab/" + "c" * 30: "cache",
    ".dvc/C:\\Users\\x\\Temp/files/md5/ab/" + "c" * 30 + ".dir": "cache",
    "storage/ab/" + "1" * 30: "cache",
}
NOT_TOOLS = [
    "wandb/__init__.py", "src/wandb/utils.py", "tests/mlruns/0/meta.yaml", "docs/mlruns.md", "files/md5/readme",
    "mlruns", "exp/mlruns/.gitkeep", "exp/lightning_logs/.gitignore", "ab/" + "g" * 30, ".dvc/config",
]  # fmt: skip


@pytest.mark.parametrize("path", TOOLS)
def test_a_file_that_a_tool_writes_is_found_at_any_size(repo, judge, path):
    stage(repo, **{path: "x"})
    (found,) = judge(ID)
    assert found.rule == f"{ID}/{TOOLS[path]}"
    assert ".gitignore" in found.fix


def test_a_tool_folder_is_one_finding_with_the_folder_to_ignore(repo, judge):
    stage(repo, **{f"a/mlruns/0/{n}": "x" for n in range(20)})
    (found,) = judge(ID)
    assert found.what == "20 files of runs of MLflow would be in Git"
    assert "git rm -r --cached --quiet a/mlruns/ && echo /a/mlruns/ >> .gitignore" in found.fix


def test_what_a_tool_writes_into_many_folders_is_one_finding(repo, judge):
    stage(repo, **{f"runs/{n}/events.out.tfevents.{n}": "x" for n in range(9)})
    (found,) = judge(ID)
    assert found.path == "runs/0/events.out.tfevents.0"
    assert found.what.startswith("9 files of events of TensorBoard")


FOLDERS = ["", "a b/", "-a/", "données/", "$(x)/", "it's/", "a\nb/", "#/", "[x]/", "b\\/", "e /"]


@pytest.mark.parametrize(
    "path", ["mlruns/0/a", "mlflow.db", "x/events.out.tfevents.1", ".ipynb_checkpoints/a.ipynb"]
)
def test_the_commands_that_mend_it_do(repo, judge, path):
    stage(repo, **{f"{folder}{path}": "x" for folder in FOLDERS}, other="x")
    for found in judge(ID):
        subprocess.run(["bash", "-ec", found.fix], cwd=repo.path, check=True, capture_output=True)
    repo.git("add", "--all")
    assert judge(ID) == []
    assert repo.git("ls-files", "-z").split("\0")[:-1] == [".gitignore", "other"]


@pytest.mark.real
def test_the_commands_that_give_a_file_to_dvc_do(repo, judge):
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=repo.path, check=True)
    repo.git("commit", "-qm", "dvc")
    repo.write("-a b/x.csv", bytes(600 * KB))
    repo.git("add", "--", "-a b/x.csv")
    (found,) = judge(ID)
    script = f'dvc() {{ {shlex.quote(sys.executable)} -m dvc "$@"; }}; {found.fix}'
    subprocess.run(["bash", "-ec", script], cwd=repo.path, check=True, capture_output=True)
    assert judge(ID) == []
    assert "-a b/x.csv.dvc" in repo.git("ls-files")
    assert "-a b/x.csv\n" not in repo.git("ls-files")


def test_names_that_only_look_like_tools(repo, judge):
    stage(repo, **dict.fromkeys(NOT_TOOLS, "x"))
    assert judge(ID) == []


def test_a_tool_folder_that_was_there_may_change_and_move(repo, judge):
    repo.commit(**{"mlflow.db": "x", "mlruns/0/a": "content"})
    repo.git("mv", "mlruns", "kept")
    stage(repo, **{"mlflow.db": "y"})
    assert judge(ID) == []


POINTER = "outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  size: 0\n  hash: md5\n  path: %s\n"
PIPELINE = "stages:\n  a:\n    cmd: x\n    outs:\n    - model\n    - kept: {cache: false}\n"


@pytest.mark.parametrize(
    ("files", "tracked"),
    [
        ({"data.csv.dvc": POINTER % "data.csv", "data.csv": "x"}, "data.csv"),
        ({"données.csv.dvc": POINTER % "données.csv", "données.csv": "x"}, "données.csv"),
        ({"d/raw.dvc": POINTER % "raw", "d/raw/a": "x", "d/raw/b": "x"}, "d/raw/a"),
        ({"dvc.yaml": PIPELINE, "model": "x"}, "model"),
        ({"p/dvc.yaml": PIPELINE, "p/model/weights": "x"}, "p/model/weights"),
    ],
)
def test_what_dvc_caches_may_not_be_in_git_too(repo, judge, files, tracked):
    for order in (list(files), list(reversed(files))):
        repo.git("update-ref", "-d", "HEAD")
        repo.git("rm", "-rfq", "--cached", "--ignore-unmatch", ".")
        for path in files:
            repo.write(path, files[path])
        repo.git("add", "--", order[0])
        repo.git("commit", "-qm", "first one", "--allow-empty")
        repo.git("add", "--", *order[1:])
        (found,) = judge(ID)
        assert (found.path, found.rule) == (tracked, f"{ID}/output")


def test_what_dvc_leaves_to_git_may_be_in_git(repo, judge):
    stage(
        repo,
        **{
            "dvc.yaml": PIPELINE, "kept": "x", "model/.gitignore": "/x", "other": "x",
            "data.dvc": POINTER % "data.csv", "data": "x",
        },
    )  # fmt: skip
    assert judge(ID) == []


def test_a_large_output_is_one_finding(repo, judge):
    """`dvc add`, which would mend a large file, refuses an output of a stage."""
    stage(repo, **{"dvc.yaml": PIPELINE, "model": bytes(600 * KB)})
    (found,) = judge(ID)
    assert found.rule == f"{ID}/output"
    assert "dvc add" not in found.fix


def test_an_old_clash_is_not_of_this_change(repo, judge):
    repo.commit(**{"dvc.yaml": PIPELINE, "model": "x"})
    repo.commit(other="x")
    stage(repo, more="x", model="y")
    assert judge(ID) == []
    assert rules(judge(ID, all_files=True)) == {"model": "output"}


def test_a_merge_can_bring_an_output_and_its_pointer_together(repo, judge):
    repo.commit(a="1")
    repo.git("switch", "-qc", "side")
    repo.commit(**{"data.csv": "1,2\n"})
    repo.git("switch", "-q", "main")
    repo.commit(**{"data.csv.dvc": pointer("1,2\n")})
    repo.git("merge", "-q", "--no-commit", "side")
    (found,) = judge(ID)
    assert (found.path, found.rule) == ("data.csv", f"{ID}/output")


def test_links_and_submodules_hold_nothing(repo, judge):
    (repo.path / "link.pkl").symlink_to("x" * 200)
    commit = repo.commit(a="x")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},module.pkl")
    assert judge(ID) == []


def test_limits_and_exceptions_are_configured(repo, judge):
    config = "checks: {data-not-in-git: {max_model: 1 kB, max_data: 2 MB, allow: [demo/*]}}\n"
    stage(
        repo,
        **{
            "mlops-ci.yaml": config, "m.pkl": bytes(2 * KB), "d.csv": bytes(MB), "demo/m.pkl": bytes(MB),
            "demo/x/mlruns/0/a": "x",
        },
    )  # fmt: skip
    assert rules(judge(ID)) == {"m.pkl": "model"}


NAMES = ["a b.pkl", "a\nb.pkl", "modèle.pkl", "-m.pkl", "$(touch x).pkl", "'.pkl", "bad\udcff.pkl"]
NAMES += ["*.pkl", "[o]m.pkl", "?ther.pkl", ":!m.pkl", ":(glob)*.pkl", "o\\m.pkl"]


def test_the_fix_can_be_typed_for_every_name(repo, judge):
    repo.commit(**{"other.pkl": "small", "om.pkl": "small"})
    for name in NAMES:
        repo.write(name, bytes(11 * KB) + name.encode("utf-8", "surrogateescape"))
        repo.git("--literal-pathspecs", "add", "--", name)
        (found,) = judge(ID)
        assert found.path == name
        (command,) = [part for part in found.fix.split(" && ") if part.startswith("git rm")]
        repo.git("-c", f"alias.run=!{_bash(command)}", "run")
        assert judge(ID) == []
        assert repo.git("ls-files") == "om.pkl\nother.pkl"


def _bash(command: str) -> str:
    import shlex

    return f"bash -c {shlex.quote(command)} #"


def test_a_huge_file_is_never_read_whole(repo, judge, monkeypatch):
    """Only its first bytes are; the rest of a file of 30 MB does not even come out of the pipe."""
    stage(repo, huge=b"PAR1" + bytes(30 * MB))
    read = []
    beginning = blobs._beginning
    monkeypatch.setattr(blobs, "_beginning", lambda *a: read.append(beginning(*a)) or read[-1])
    whole = Repository.discover(repo.path).objects.__class__
    monkeypatch.setattr(whole, "read", lambda *_: pytest.fail("read whole"))
    assert rules(judge(ID)) == {"huge": "data"}
    assert [len(one) for one in read] == [8000]


def test_thousands_of_staged_files(repo, judge, scale):
    count = scale(2_000, 50_000)
    blob = repo.git("hash-object", "-w", str(repo.write("x", "small")))
    large = repo.git("hash-object", "-w", str(repo.write("y", bytes(600 * KB))))
    lines = [f"100644 {blob} 0\td/{n}.csv" for n in range(count)] + [f"100644 {large} 0\te/big.csv"]
    repo.write("index-info", "\n".join(lines) + "\n")
    import subprocess

    with (repo.path / "index-info").open("rb") as info:
        subprocess.run(
            ["git", "update-index", "--index-info"], cwd=repo.path, stdin=info, check=True
        )
    assert rules(judge(ID)) == {"e/big.csv": "data"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.PT", "model"), ("a.tar.gz", "data"), ("Makefile", None), ("a.py", "text")],
)
def test_kind_by_name(name, kind):
    assert kind_of_name(name) == kind


@pytest.mark.parametrize("content", [b"", b"\x80", b"\x80\x04", b"PK", b"\x00" * 7, b'{"a": 1}'])
def test_a_short_or_odd_beginning_is_no_model(content):
    assert kind_of_content(content, len(content)) in ("text", "binary")


def test_in_a_partial_clone_an_unknown_size_is_undecided(repo, judge, tmp_path):
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.commit(**{"old.csv": bytes(300 * KB), "same.csv": "x"})
    clone = type(repo)(tmp_path / "clone")
    repo.git(
        "clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{repo.path}", str(clone.path)
    )
    clone.git("config", "remote.origin.url", "file:///nowhere")
    clone.git("read-tree", "HEAD")
    for path, content in {"old.csv": bytes(600 * KB), "same.csv": b"y"}.items():
        clone.write(path, content)
        clone.git("update-index", "--", path)
    from mlops_ci.checks import catalog
    from mlops_ci.checks.run import run_checks
    from mlops_ci.checks.scope import Asked

    report = run_checks(clone.path, [catalog.entry(ID)], Asked())
    (found,) = report.findings
    assert found.undecided  # Git before 2.44 ends at the first object that it cannot fetch
    assert report.exit_code == 3
