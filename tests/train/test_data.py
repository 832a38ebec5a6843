"""Data comes from the remote when it is missing, and only as it was recorded."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mlops_ci.cli import run
from mlops_ci.lineage import store
from tests.conftest import GIT_CONFIG, Repo
from tests.train.conftest import BIN, FILES, RAW, pointer, train

pytestmark = pytest.mark.real
RAW_MD5 = pointer("raw.csv", RAW).split()[3]


def dvc(repo: Repo, *arguments: str) -> None:
    subprocess.run([BIN / "dvc", *arguments], cwd=repo.path, check=True, capture_output=True)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All is pushed and committed, and nothing of the data is here: a fresh clone `repo`, beside its `remote`."""
    Path(os.environ["GIT_CONFIG_GLOBAL"]).write_text(GIT_CONFIG, encoding="utf-8")
    folder = tmp_path_factory.mktemp("clone")
    made = Repo(folder / "repo")
    made.path.mkdir()
    made.git("init", "--quiet")
    made.write("raw.csv", RAW)
    config = "[core]\n    remote = store\n['remote \"store\"']\n    url = ../../remote\n"
    files = {**FILES, "raw.csv.dvc": pointer("raw.csv", RAW), ".dvc/config": config}
    made.commit(**files)
    dvc(made, "repro")
    made.commit()
    dvc(made, "push")
    for name in (".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(made.path / name)
    for name in ("raw.csv", "data.csv", "model.bin"):
        (made.path / name).unlink()
    return folder


@pytest.fixture
def remote(pipeline: Repo, clone: Path, tmp_path: Path) -> Path:
    """The pipeline becomes a copy of the clone."""
    shutil.rmtree(pipeline.path)
    shutil.copytree(clone / "repo", pipeline.path)
    shutil.copytree(clone / "remote", tmp_path / "remote")
    return tmp_path / "remote"


def stored(remote: Path, md5: str) -> Path:
    return remote / "files/md5" / md5[:2] / md5[2:]


def test_what_is_missing_is_fetched_and_nothing_runs_in_vain(pipeline: Repo, remote: Path) -> None:
    done = train(pipeline, "--json")
    assert done.code == 0, done.err
    assert {one["result"] for one in done.data["stages"]} == {"skipped"}
    assert pipeline.path.joinpath("raw.csv").read_bytes() == RAW


@pytest.mark.parametrize("name", ["raw.csv", "model.bin"])
def test_a_damaged_object_is_refused_and_does_not_stay(
    pipeline: Repo, remote: Path, name: str
) -> None:
    lock = pipeline.path.joinpath("dvc.lock").read_text()
    md5 = RAW_MD5 if name == "raw.csv" else lock.partition("model.bin\n")[2].split()[3]
    good = stored(remote, md5).read_bytes()
    stored(remote, md5).chmod(0o644)
    stored(remote, md5).write_bytes(b"damaged")
    stored(remote, md5).chmod(0o444)
    done = train(pipeline)
    assert done.code == 3
    assert f"{name}: the DVC cache or remote has other bytes" in done.errors[0]
    assert md5 in done.errors[0]
    assert store.newest(pipeline.path) is None
    assert not pipeline.path.joinpath(name).exists()

    stored(remote, md5).chmod(0o644)
    stored(remote, md5).write_bytes(good)
    assert train(pipeline).code == 0


def test_an_input_that_the_remote_lacks_refuses_or_is_recorded(
    pipeline: Repo, remote: Path
) -> None:
    stored(remote, RAW_MD5).unlink()
    refused = train(pipeline)
    assert refused.code == 3
    assert "raw.csv" in refused.errors[0]
    assert "dvc push" in refused.err
    pipeline.commit(**{"mlops-ci.yaml": "train: {on_missing_data: record}\n"})
    done = train(pipeline, "--json")
    assert done.code == 0, done.err
    (statement,) = store.read(pipeline.path / done.data["record"])
    sources = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    (raw,) = [one for one in sources if one["name"] == "raw.csv"]
    assert "unread" in raw["annotations"]


def test_results_that_the_remote_lacks_are_made_again(pipeline: Repo, remote: Path) -> None:
    for path in remote.rglob("*"):
        if path.is_file() and path != stored(remote, RAW_MD5):
            path.unlink()
    done = train(pipeline, "--json")
    assert done.code == 0, done.err
    assert {one["result"] for one in done.data["stages"]} == {"ran"}


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/store", "nowhere"])
def test_a_remote_that_cannot_be_reached_is_named(pipeline: Repo, remote: Path, url: str) -> None:
    config = pipeline.path.joinpath(".dvc/config").read_text().replace("../../remote", url)
    pipeline.commit(**{".dvc/config": config})
    done = train(pipeline)
    assert done.code == 3
    assert "the DVC remote cannot be reached" in done.errors[0]
    assert url in done.errors[0]


def test_without_a_remote_missing_data_is_just_missing(pipeline: Repo) -> None:
    pipeline.path.joinpath("raw.csv").unlink()
    done = train(pipeline)
    assert done.code == 3
    assert "raw.csv" in done.errors[0]


def test_data_that_is_not_what_is_committed_refuses_or_is_recorded(pipeline: Repo) -> None:
    pipeline.write("raw.csv", b"3,4\n")
    refused = train(pipeline)
    assert refused.code == 2
    assert "raw.csv" in refused.errors[0]
    done = train(pipeline, "--on-dirty", "record", "--json")
    assert done.code == 0, done.err
    assert done.data["dirty"] == ["raw.csv"]


def test_a_damaged_object_in_the_cache_gets_no_record(pipeline: Repo) -> None:
    assert train(pipeline).code == 0
    pipeline.commit()
    (model,) = [
        path
        for path in pipeline.path.glob(".dvc/cache/files/md5/*/*")
        if path.read_bytes() == pipeline.path.joinpath("model.bin").read_bytes()
    ]
    model.chmod(0o644)
    model.write_bytes(b"damaged")
    model.chmod(0o444)
    pipeline.path.joinpath("model.bin").unlink()
    shutil.rmtree(pipeline.path / ".mlops-ci")
    done = train(pipeline)
    assert done.code == 3
    assert "model.bin: the DVC cache or remote has other bytes" in done.errors[0]
    assert store.newest(pipeline.path) is None
    assert train(pipeline).code == 0  # it is gone, and made again
    assert pipeline.path.joinpath("model.bin").read_bytes() != b"damaged"


def test_a_pull_request_cannot_name_the_remote_while_secrets_are_there(
    pipeline: Repo, remote: Path, tmp_path: Path
) -> None:
    pipeline.git("branch", "base")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    config = pipeline.path.joinpath(".dvc/config").read_text().replace("../../remote", str(theirs))
    pipeline.commit(**{".dvc/config": config})
    for name in ("base", "origin/base"):  # no tag is taken for the branch
        pipeline.git("tag", name)
    env = {"GITHUB_BASE_REF": "base"}
    without = train(pipeline, **env)
    assert without.code == 3  # their remote is empty
    done = train(pipeline, "--json", **env, CLOUD_SECRET_KEY="hunter2hunter2")
    assert done.code == 0, done.err
    assert {one["result"] for one in done.data["stages"]} == {"skipped"}
    assert not list(theirs.iterdir())


HIDDEN = {
    "in capitals": "[Core]\n    remote = theirs\n['Remote \"theirs\"']\n    url = {}\n",
    "as a value": "[cache]\n    type = copy\n  ['remote \"theirs\"']\n    url = {}\n",
}


@pytest.mark.parametrize("how", [*HIDDEN, "local", "link", "inner"])
def test_nor_can_it_hide_one(pipeline: Repo, remote: Path, tmp_path: Path, how: str) -> None:
    """`as a value`: a section that only DVC sees, for an output that names it."""
    where = "ml/" if how == "inner" else ""
    if where:
        names = [one.name for one in pipeline.path.iterdir() if one.name != ".git"]
        pipeline.path.joinpath("ml").mkdir()
        for name in names:
            pipeline.path.joinpath(name).rename(pipeline.path / "ml" / name)
        config = pipeline.path.joinpath("ml/.dvc/config").read_text()
        pipeline.commit(**{"ml/.dvc/config": config.replace("../../remote", "../../../remote")})
    pipeline.git("branch", "base")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    config = pipeline.path.joinpath(where, ".dvc/config").read_text()
    evil = f"[core]\n    remote = theirs\n['remote \"theirs\"']\n    url = {theirs}\n"
    if how in HIDDEN:
        pipeline.commit(**{".dvc/config": config + HIDDEN[how].format(theirs)})
        if how == "as a value":
            raw = pipeline.path.joinpath("raw.csv.dvc").read_text()
            pipeline.commit(**{"raw.csv.dvc": f"{raw}  remote: theirs\n"})
    elif how == "inner":
        pipeline.commit(**{"ml/.dvc/config": evil})
    elif how == "local":
        pipeline.write(".dvc/config.local", evil)
        pipeline.git("add", "--force", ".dvc/config.local")
        pipeline.commit()
    else:
        pipeline.write("other/config", config)
        pipeline.write("other/config.local", evil)
        pipeline.git("rm", "-qr", "--cached", ".dvc")
        shutil.rmtree(pipeline.path / ".dvc")
        pipeline.path.joinpath(".dvc").symlink_to("other")
        pipeline.git("add", "--force", ".dvc", "other")
        pipeline.commit()
    env = {"GITHUB_BASE_REF": "base", "CLOUD_SECRET_KEY": "hunter2hunter2"}
    done = train(pipeline, "--persist", "push", "--force", **env)
    assert not list(theirs.rglob("*")), done.err
    assert done.code == (3 if how == "as a value" else 0), done.err


def test_a_clone_inside_of_data_and_a_name_with_a_backslash_are_recorded(
    pipeline: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC leaves the `.git` of a clone out, and knows a name that no Record can have."""
    data = pipeline.path / "data"
    subprocess.run(["git", "init", "--quiet", str(data)], check=True)
    data.joinpath("a\\b.csv").write_bytes(RAW)
    dvc(pipeline, "add", "data")
    pipeline.commit(**{"dvc.yaml": FILES["dvc.yaml"].replace("raw.csv]", "raw.csv, data]")})
    done = train(pipeline)
    assert done.code == 0, done.err
    data.joinpath(".git/config").write_text("")
    monkeypatch.chdir(pipeline.path)
    assert run(["record", "verify"]) == 0
    data.joinpath("a\\b.csv").write_bytes(b"other")
    assert run(["record", "verify"]) == 1


@pytest.mark.parametrize("command", [False, True])
def test_a_pointer_of_git_lfs_is_no_data(pipeline: Repo, command: bool) -> None:
    left = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'7' * 64}\nsize 12345\n"
    yaml = FILES["dvc.yaml"].replace("raw.csv]", "raw.csv, big]")
    config = "train: {command: cp big/a.bin model.bin, inputs: [big], outputs: [model.bin]}\n"
    more = {"mlops-ci.yaml": config} if command else {"dvc.yaml": yaml}
    pipeline.commit(**{"big/a.bin": left, **more})
    assert train(pipeline, "--on-dirty", "record").code == 0  # somebody's text, without Git LFS
    pipeline.path.joinpath("model.bin").unlink()
    pipeline.write(".gitattributes", "*.bin filter=lfs\n")
    for name in ("clean", "smudge"):
        pipeline.git("config", f"filter.lfs.{name}", "cat")
    pipeline.commit()
    done = train(pipeline, "--force")
    assert done.code == 3
    assert "1 input has only a pointer of Git LFS here: big/a.bin" in done.errors[0]
    assert "git lfs pull" in done.err
    pipeline.commit(**{"big/a.bin": "data\n"})
    assert train(pipeline).code == 0
