"""Pushes whose data no remote has: the real dvc, and an LFS server that the real git-lfs client works with."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlops_ci.checks import catalog
from mlops_ci.checks.base import Push
from mlops_ci.checks.hook import run
from mlops_ci.checks.run import Report, run_checks
from mlops_ci.checks.scope import Asked
from tests import loaded
from tests.conftest import Repo
from tests.stack.data.lfs_server import Server, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("dvc")]
ID = "data-pushed"
ZEROS = "0" * 40


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """No machine of CI."""
    folder = loaded.dvc()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    for name in ("VIRTUAL_ENV", "GITLAB_CI", "BUILDKITE", "JENKINS_URL", "TF_BUILD"):
        monkeypatch.delenv(name, raising=False)


def judge(repo: Any, **asked: Any) -> Report:
    return run_checks(repo.path, [catalog.entry(ID)], Asked(**asked))


def texts(report: Report) -> list[str]:
    return [one.what for one in report.findings]


def fixes(report: Report) -> list[str]:
    return [one.fix for one in report.findings]


def bare(repo: Any, name: str = "origin") -> Repo:
    """A Git remote; what is there now is pushed."""
    remote = Repo(repo.path.parent / name)
    remote.path.mkdir()
    remote.git("init", "-q", "--bare")
    repo.git("remote", "add", name, str(remote.path))
    return remote


# -- DVC


def stored(repo: Any, content: bytes, where: str = "cache") -> str:
    """An object in the cache or on the remote, in the layout of DVC 3; its MD5."""
    md5 = hashlib.md5(content).hexdigest()
    folders = {"cache": repo.path / ".dvc/cache", "remote": repo.path.parent / "storage"}
    file = folders[where] / "files/md5" / md5[:2] / md5[2:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return md5


def pointer(path: str, md5: str, **more: Any) -> str:
    return yaml.safe_dump({"outs": [{"md5": md5, "hash": "md5", "path": path, **more}]})


PIPELINE = {
    "stages": {
        "train": {
            "cmd": "train",
            "outs": ["model.bin", {"log.txt": {"push": False}}],
            "metrics": [{"metrics.json": {"cache": False}}],
        }
    }
}


def lock(model: str) -> str:
    outs = [{"path": "model.bin", "md5": model}, {"path": "log.txt", "md5": "a" * 32}]
    outs.append({"path": "metrics.json", "md5": "b" * 32})
    stages = {"train": {"cmd": "train", "outs": [{**one, "hash": "md5"} for one in outs]}}
    return yaml.safe_dump({"schema": "2.0", "stages": stages})


CONFIG = "[core]\n    remote = store\n['remote \"store\"']\n    url = ../../storage\n"


@pytest.fixture
def project(repo: Any) -> Any:
    """A DVC project with a remote that has all of its data, pushed."""
    md5 = stored(repo, b"one")
    stored(repo, b"one", "remote")
    repo.commit(
        **{
            ".dvc/config": CONFIG,
            ".dvc/.gitignore": "/cache\n",
            "data.csv.dvc": pointer("data.csv", md5),
        }
    )
    bare(repo)
    repo.git("push", "-q", "-u", "origin", "main")
    return repo


def test_a_pointer_whose_data_is_pushed_passes_and_one_whose_is_not_is_found(project: Any) -> None:
    new = stored(project, b"two")
    project.commit(**{"data.csv.dvc": pointer("data.csv", new), "dvc.yaml": yaml.safe_dump(PIPELINE),
                      "dvc.lock": lock(stored(project, b"model"))})  # fmt: skip
    report = judge(project)
    assert report.exit_code == 1
    assert texts(report) == ["not on the DVC remote: data.csv, model.bin"]
    assert fixes(report) == ["dvc push data.csv.dvc train"]
    subprocess.run(["dvc", "push", "-q", "data.csv.dvc", "train"], cwd=project.path, check=True)
    assert judge(project).findings == []


def test_what_was_pushed_before_is_not_asked_for(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also not where its data has been lost since: a push of other things must be possible."""
    shutil.rmtree(project.path.parent / "storage")
    project.commit(readme="x")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # no dvc is needed to see that
    assert judge(project).findings == []
    pipeline = yaml.safe_dump(PIPELINE)
    project.commit(**{"dvc.yaml": pipeline})
    assert judge(project).findings == []


def test_data_that_is_nowhere_says_so(project: Any) -> None:
    project.commit(**{"d.dvc": pointer("d", "c" * 32 + ".dir"), "e.dvc": pointer("e", "d" * 32)})
    report = judge(project)
    assert texts(report) == ["not on the DVC remote, and not in the cache either: d, e"]
    assert "dvc push d.dvc e.dvc" in fixes(report)[0]


def test_an_earlier_commit_of_the_push(repo: Any) -> None:
    # At earlier commits DVC takes a relative address for one from the root of the disk.
    config = CONFIG.replace("../../storage", str(repo.path.parent / "storage"))
    repo.commit(**{".dvc/config": config, ".dvc/.gitignore": "/cache\n"})
    first = repo.commit(**{"data.csv.dvc": pointer("data.csv", stored(repo, b"two"))})
    last = stored(repo, b"three")
    stored(repo, b"three", "remote")
    repo.commit(**{"data.csv.dvc": pointer("data.csv", last)})
    report = judge(repo)
    assert texts(report) == [
        f"not on the DVC remote: as other commits have it, the last {first[:10]}, data.csv"
    ]
    assert fixes(report) == ["dvc push --all-commits data.csv.dvc"]
    subprocess.run(
        ["dvc", "push", "-q", "--all-commits", "data.csv.dvc"], cwd=repo.path, check=True
    )
    assert judge(repo).findings == []


def test_branches_that_are_not_checked_out(repo: Any) -> None:
    """No commit has both files, and the one that is checked out has none."""
    config = CONFIG.replace("../../storage", str(repo.path.parent / "storage"))
    repo.commit(**{".dvc/config": config, ".dvc/.gitignore": "/cache\n"})
    for name in ("a", "b"):
        repo.git("switch", "-qc", name, "main")
        repo.commit(**{f"{name} x.dvc": pointer(f"{name} x", stored(repo, name.encode()))})
    repo.git("switch", "-q", "main")
    pushes = tuple(Push(tip=repo.git("rev-parse", name)) for name in ("a", "b"))
    (fix,) = fixes(judge(repo, pushes=pushes))
    assert fix == "dvc push --all-commits 'a x.dvc' && dvc push --all-commits 'b x.dvc'"
    subprocess.run(["sh", "-ec", fix], cwd=repo.path, check=True, capture_output=True)
    assert judge(repo, pushes=pushes).findings == []


def test_a_tag_that_is_of_no_commit_brings_none(project: Any) -> None:
    project.commit(**{"n.dvc": pointer("n", stored(project, b"n"))})
    project.git("tag", "tree", "HEAD^{tree}")
    pushes = (Push(tip=project.git("rev-parse", "tree")),)
    assert judge(project, pushes=pushes).findings == []


def test_what_dvc_does_not_push(project: Any) -> None:
    imported = {"deps": [{"path": "x", "repo": {"url": "https://example.com/r"}}], "frozen": True}
    imported["outs"] = [{"path": "x", "md5": "1" * 32, "hash": "md5"}]
    project.commit(
        **{
            "x.dvc": yaml.safe_dump(imported),
            "a.dvc": pointer("a", "2" * 32, push=False),
            "b.dvc": pointer("b", "3" * 32, cache=False),
            "note.dvc": "outs:\n- path: note\n  etag: x\n",
        }
    )
    assert judge(project).findings == []


def test_an_unreachable_remote_is_undecided(project: Any) -> None:
    config = CONFIG.replace("../../storage", "http://127.0.0.1:9/none")
    project.commit(**{".dvc/config": config, "n.dvc": pointer("n", stored(project, b"n"))})
    report = judge(project)
    assert report.exit_code == 3
    assert report.findings[0].fix == "dvc status --cloud n.dvc"
    assert texts(report)[0].endswith("(n)")


@pytest.mark.parametrize(
    ("config", "text", "code"),
    [
        ("", "no DVC remote is configured", 1),
        (CONFIG + "    worktree = true\n", 'remote "store" is worktree', 3),
        (CONFIG.replace("store\n", "other\n", 1), "remote 'other' doesn't exist", 3),
        ("[core\n", "cannot be read", 3),
    ],
)
def test_remotes_that_cannot_be_asked(project: Any, config: str, text: str, code: int) -> None:
    project.commit(**{".dvc/config": config, "n.dvc": pointer("n", stored(project, b"n"))})
    report = judge(project)
    assert report.exit_code == code
    assert text in texts(report)[0]


def test_in_ci_and_without_dvc_it_is_undecided(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.commit(**{"n.dvc": pointer("n", stored(project, b"n"))})
    monkeypatch.setenv("CI", "true")
    assert judge(project).exit_code == 3
    monkeypatch.delenv("CI")
    monkeypatch.setattr("mlops_ci.checks.dvc_pushed.find_program", lambda *_: None)
    report = judge(project)
    assert report.exit_code == 3
    assert "no dvc was found" in texts(report)[0]


def test_nothing_of_the_config_but_remotes_reaches_dvc(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`core.site_cache_dir` names databases that DVC unpickles."""
    from mlops_ci.stack.data.dvc import cloud

    seen = []
    status = cloud._status
    monkeypatch.setattr(
        cloud,
        "_status",
        lambda dvc, folder: (
            seen.append((folder / ".dvc/config").read_text()) or status(dvc, folder)
        ),
    )
    hostile = CONFIG.replace(
        "[core]\n", "[core]\n    site_cache_dir = /evil\n    hardlink_lock = true\n"
    )
    config = hostile + "[db]\n    x = evil\n"
    project.commit(**{".dvc/config": config, "n.dvc": pointer("n", stored(project, b"n"))})
    judge(project)
    assert "evil" not in seen[0]
    assert "hardlink" not in seen[0]
    assert str(project.path.parent / "storage") in seen[0]


def test_broken_files_are_undecided_and_hide_no_other(project: Any) -> None:
    project.commit(
        **{
            "bad.dvc": "outs: [",
            "dvc.lock": "stages: {",
            "dvc.yaml": yaml.safe_dump(PIPELINE),
            "n.dvc": pointer("n", stored(project, b"n")),
        }
    )
    report = judge(project)
    assert report.exit_code == 1
    assert {one.path: one.undecided for one in report.findings} == {
        "bad.dvc": True, "dvc.lock": True, "n.dvc": False}  # fmt: skip


def test_a_project_in_a_folder_and_odd_names(repo: Any) -> None:
    folder = "été 'x'"
    repo.write(f"{folder}/.dvc/config", CONFIG.replace("../../storage", "../../../storage"))
    cache = repo.path / folder / ".dvc/cache/files/md5"
    content = b"n"
    md5 = hashlib.md5(content).hexdigest()
    (cache / md5[:2]).mkdir(parents=True)
    (cache / md5[:2] / md5[2:]).write_bytes(content)
    repo.commit(
        **{f"{folder}/.dvc/.gitignore": "/cache\n", f"{folder}/-a b.dvc": pointer("-a b", md5)}
    )
    report = judge(repo)
    assert texts(report) == [f"not on the DVC remote: {folder}/-a b"]
    command = fixes(report)[0]
    subprocess.run(["sh", "-c", command], cwd=repo.path, check=True, capture_output=True)
    assert judge(repo).findings == []


# -- which commits


def push(repo: Any, *lines: str, monkeypatch: pytest.MonkeyPatch, remote: str = "origin") -> int:
    """As Git calls a pre-push hook."""
    monkeypatch.chdir(repo.path)
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    return run(ID, [remote, "https://example.com/r"])


def test_several_refs_new_ones_tags_and_deletes(
    project: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = project.git("rev-parse", "HEAD")
    project.git("checkout", "-q", "-b", "side")
    side = project.commit(**{"n.dvc": pointer("n", stored(project, b"n"))})
    project.git("tag", "-a", "-m", "t", "v1")
    tag = project.git("rev-parse", "v1")
    project.git("checkout", "-q", "main")
    clean = project.commit(readme="x")
    assert (
        push(project, f"refs/heads/main {clean} refs/heads/main {old}", monkeypatch=monkeypatch)
        == 0
    )
    assert push(project, f"(delete) {ZEROS} refs/heads/side {side}", monkeypatch=monkeypatch) == 0
    both = (
        f"refs/heads/main {clean} refs/heads/main {old}",
        f"refs/heads/side {side} refs/heads/side {ZEROS}",
    )
    assert push(project, *both, monkeypatch=monkeypatch) == 1
    assert "dvc push --all-commits n.dvc" in capsys.readouterr().out
    assert push(project, f"refs/tags/v1 {tag} refs/tags/v1 {ZEROS}", monkeypatch=monkeypatch) == 1
    unknown = "1" * 40  # what someone else has pushed since
    assert (
        push(project, f"refs/heads/main {clean} refs/heads/main {unknown}", monkeypatch=monkeypatch)
        == 0
    )


def test_a_merge_brings_what_the_remote_does_not_have(project: Any) -> None:
    project.git("checkout", "-q", "-b", "side")
    project.commit(**{"n.dvc": pointer("n", stored(project, b"n"))})
    project.git("push", "-q", "origin", "side")
    project.git("checkout", "-q", "main")
    project.commit(readme="x")
    project.git("merge", "-q", "--no-edit", "side")
    assert judge(project, remote="origin").findings == []
    bare(project, "other")
    assert texts(judge(project, remote="other")) == ["not on the DVC remote: n"]


@pytest.mark.parametrize("first", [True, False])
def test_through_git_push_with_both_runners(hooked: Any, tmp_path: Path, first: bool) -> None:
    repo = hooked.repo
    repo.commit(**{".dvc/config": CONFIG, ".dvc/.gitignore": "/cache\n"})
    bare(repo)
    if not first:
        repo.git("push", "-q", "-u", "origin", "main")
    hooked.install(ID, types=("pre-push",))
    repo.commit(**{"n.dvc": pointer("n", stored(repo, b"n"))})
    repo.git("branch", "side")
    done = hooked.git("push", "origin", "main", "side")
    assert done.returncode == 1
    assert "fix: dvc push n.dvc" in done.output
    stored(repo, b"n", "remote")
    assert hooked.git("push", "origin", "main", "side").returncode == 0
    assert hooked.git("push", "origin", "--delete", "side").returncode == 0


# -- Git LFS


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as made:
        yield made


@pytest.fixture
def lfs(repo: Any, server: Server) -> Any:
    """A repository whose LFS server is on loopback; the client that cleans and pushes is the real one."""
    repo.git("lfs", "install", "--local", "--skip-repo")
    repo.git("config", "lfs.url", server.url)
    repo.git("config", "lfs.locksverify", "false")
    repo.commit(
        **{".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "a.bin": b"one"}
    )
    bare(repo)
    return repo


def oid(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.contract
def test_an_object_that_the_lfs_server_lacks(lfs: Any, server: Server) -> None:
    report = judge(lfs, remote="origin")
    assert report.exit_code == 1
    assert texts(report) == [f"its Git LFS object {oid(b'one')[:12]} is not on the server"]
    assert fixes(report) == [f"git lfs push --object-id origin {oid(b'one')}"]
    lfs.git(*fixes(report)[0].split()[1:])  # the real client
    assert server.objects == {oid(b"one"): b"one"}
    assert judge(lfs, remote="origin").findings == []


@pytest.mark.contract
def test_the_client_calls_pushed_what_the_server_lost(lfs: Any, server: Server) -> None:
    """Why `git lfs push --dry-run` is not asked."""
    lfs.git("lfs", "push", "origin", "main")
    lfs.git("push", "-q", "origin", "main")
    server.objects.clear()
    lfs.git("checkout", "-q", "-b", "side")
    lfs.commit(**{"b.bin": b"one"})  # the same object
    assert lfs.git("lfs", "push", "--dry-run", "origin", "side") == ""
    assert len(judge(lfs, remote="origin").findings) == 1


@pytest.mark.contract
def test_only_pointers_of_the_push_are_asked_for(lfs: Any, server: Server) -> None:
    lfs.git("push", "-q", "origin", "main")
    server.batches.clear()
    lfs.commit(readme="x")
    assert judge(lfs, remote="origin").findings == []
    assert server.batches == []
    for number in range(250):
        lfs.write(f"many/{number}.bin", f"{number}".encode())
    lfs.commit()
    report = judge(lfs, remote="origin")
    assert [count for _, count in server.batches] == [100, 100, 50]
    assert len(report.findings) == 21
    assert texts(report)[-1] == "230 more Git LFS objects are not on the server"


@pytest.mark.contract
def test_a_server_that_wants_credentials(lfs: Any, server: Server) -> None:
    server.auth = "Basic " + b64encode(b"me:s3cret").decode()
    report = judge(lfs, remote="origin")
    assert report.exit_code == 3
    assert "no credentials" in texts(report)[0]
    helper = "!f() { echo username=me; echo password=s3cret; }; f"
    lfs.git("config", "credential.helper", helper)
    report = judge(lfs, remote="origin")
    assert report.exit_code == 1
    assert "s3cret" not in str(report.findings)


@pytest.mark.contract
@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_server_that_refuses_is_undecided(lfs: Any, server: Server, status: int) -> None:
    server.broken = status
    report = judge(lfs, remote="origin")
    assert report.exit_code == 3
    assert report.findings[0].undecided


def test_a_server_that_answers_nothing_useful(lfs: Any, server: Server) -> None:
    server.objects[oid(b"one")] = b"one"
    server.silent = True
    report = judge(lfs, remote="origin")
    assert report.exit_code == 3
    assert "does not say whether it has" in texts(report)[0]


def test_a_server_that_is_not_there(lfs: Any) -> None:
    lfs.git("config", "lfs.url", "http://127.0.0.1:9/none")
    assert judge(lfs, remote="origin").exit_code == 3


def test_a_remote_that_is_a_folder(lfs: Any) -> None:
    lfs.git("config", "--unset", "lfs.url")
    assert len(judge(lfs, remote="origin").findings) == 1
    lfs.git("lfs", "push", "origin", "main")
    assert judge(lfs, remote="origin").findings == []


@pytest.mark.stub
@pytest.mark.parametrize(
    "url", ["git@example.com:team/data.git", "ssh://git@example.com:2222/team/data"]
)
def test_a_remote_over_ssh(
    lfs: Any, server: Server, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    lfs.git("config", "--unset", "lfs.url")
    lfs.git("remote", "set-url", "origin", url)
    program = lfs.path.parent / "ssh"
    log = lfs.path.parent / "ssh.log"
    program.write_text(
        f'#!/bin/sh\necho "$@" > "{log}"\n'
        f'echo \'{{"href": "{server.url}", "header": {{"Authorization": "token"}}}}\'\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(program))
    server.auth = "token"
    assert judge(lfs, remote="origin").exit_code == 1
    assert "git-lfs-authenticate" in log.read_text()
    assert "git@example.com" in log.read_text()
    program.write_text("#!/bin/sh\nexit 255\n")
    assert judge(lfs, remote="origin").exit_code == 3


def test_what_a_pull_request_writes_makes_no_program_run(
    lfs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = lfs.path.parent / "ssh"
    program.write_text(f'#!/bin/sh\ntouch "{lfs.path.parent}/ran"\n')
    program.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(program))
    lfs.git("config", "--unset", "lfs.url")
    lfs.commit(**{".lfsconfig": "[lfs]\n\turl = ssh://evil.example.com/x\n"})
    report = judge(lfs, remote="origin")
    assert report.exit_code == 3
    assert ".lfsconfig" in texts(report)[0]
    assert not (lfs.path.parent / "ran").exists()


def test_an_object_that_is_not_here_either(lfs: Any) -> None:
    shutil.rmtree(lfs.path / ".git/lfs")
    report = judge(lfs, remote="origin")
    assert texts(report)[0].endswith("is not on the server, nor here")
