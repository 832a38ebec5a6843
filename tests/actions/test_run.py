"""actions/run.sh: set up once, from the lock alone, and deaf to what the checkout brings."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlops_ci import __version__
from tests.rig.runner import git

if TYPE_CHECKING:
    from tests.actions.conftest import Runner

pytestmark = pytest.mark.real


def prints_version(runner: Runner, **environ: str) -> None:
    done = runner.run("--version", **environ)
    assert (done.returncode, done.stdout) == (0, f"mlops-ci, version {__version__}\n"), done.stderr


def add_python(path: str) -> None:
    """A script and not a link, by which Python would take another prefix for its own."""
    python = Path(path, "python3")
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)


def test_arguments_and_exit_codes_pass_through(runner: Runner) -> None:
    prints_version(runner)
    done = runner.run("diff", "a b; echo $(id)")
    assert done.returncode == 2
    assert "uid=" not in done.stdout + done.stderr


def test_notes_are_fetched_and_nothing_of_the_checkout_sees_the_token(runner: Runner) -> None:
    bare, work, seen = (runner.cwd / name for name in ("bare", "work", "seen"))
    git(runner.cwd, "init", "-q", "--bare", str(bare))
    git(runner.cwd, "clone", "-q", str(bare), str(work))
    runner.cwd = work
    prints_version(runner, MLOPS_CI_NOTES_TOKEN="ghs_1")
    git(work, "commit", "-q", "--allow-empty", "-m", "One")
    git(work, "notes", "--ref=mlops-ci", "add", "-m", "Kept")
    git(work, "push", "-q", "origin", "HEAD", "refs/notes/mlops-ci")
    git(work, "update-ref", "-d", "refs/notes/mlops-ci")
    hook = work / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nenv >>'{seen}'\n")
    hook.chmod(0o755)
    prints_version(runner, MLOPS_CI_NOTES_TOKEN="ghs_1")
    assert git(work, "notes", "--ref=mlops-ci", "show") == "Kept"
    assert not seen.exists()
    assert not list(runner.temporary.glob("notes-*"))


def test_nothing_of_the_checkout_is_imported(runner: Runner) -> None:
    for name in ("click", "yaml", "mlops_ci", "sitecustomize", "usercustomize", "encodings"):
        (runner.cwd / f"{name}.py").write_text("raise SystemExit('imported from the checkout')")
    prints_version(runner, PYTHONPATH=str(runner.cwd), PYTHONSTARTUP=str(runner.cwd / "click.py"))


def test_what_the_checkout_configures_does_not_hold_for_the_set_up(
    runner: Runner, tmp_path: Path
) -> None:
    nowhere = "http://127.0.0.1:9/simple"
    (tmp_path / "uv.toml").write_text(f'index-url = "{nowhere}"\n')
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {nowhere}\n")
    # uv looks upwards from where it runs; a runner's temporary folder is not inside of a checkout.
    runner.temporary = tmp_path.with_name(f"{tmp_path.name}-fresh")
    runner.temporary.mkdir()
    prints_version(runner, UV_EXCLUDE_NEWER="2001-01-01", UV_SYSTEM_PYTHON="1", PIP_USER="1")
    (home,) = runner.temporary.iterdir()
    (source,) = home.glob("lib/*/site-packages/mlops-ci.pth")
    assert Path(source.read_text().strip()) == Path(__file__).parents[2]
    assert not list(home.glob("lib/*/site-packages/mlops_ci*"))


def test_pip_alone_is_enough(runner: Runner, tmp_path: Path, without: str) -> None:
    runner.temporary = tmp_path / "fresh"
    runner.temporary.mkdir()
    add_python(without)
    prints_version(runner, PATH=without)


def test_a_set_up_that_was_stopped_half_way_is_made_again(runner: Runner, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    (whole,) = runner.temporary.glob("mlops-ci-*")
    broken = fresh / whole.name
    broken.joinpath("bin").mkdir(parents=True)
    broken.joinpath("bin/python").write_text("half a file")
    runner.temporary = fresh
    prints_version(runner)
    assert (broken / "ready").exists()


def test_without_python_and_uv_it_says_what_to_do(
    runner: Runner, tmp_path: Path, without: str
) -> None:
    runner.temporary = tmp_path
    done = runner.run("--version", PATH=without)
    assert done.returncode == 3
    assert done.stdout.startswith("::error title=mlops-ci::found neither Python 3.10 or newer nor")
    assert "actions/setup-python" in done.stdout


@pytest.mark.parametrize("uv", [True, False], ids=["uv", "pip"])
def test_a_registry_that_cannot_be_reached_is_no_bug_of_ours(
    runner: Runner, tmp_path: Path, without: str, uv: bool
) -> None:
    runner.temporary = tmp_path
    add_python(without)
    if uv:
        (Path(without) / "uv").symlink_to(shutil.which("uv") or "uv")
    nowhere = "http://127.0.0.1:9/simple"
    alone = {"UV_INDEX": "", "UV_NO_CACHE": "1", "UV_HTTP_RETRIES": "0", "UV_FIND_LINKS": ""}
    alone |= {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_RETRIES": "0"}
    alone |= {"PIP_NO_CACHE_DIR": "1", "UV_NO_CONFIG": "1"}
    done = runner.run(
        "--version", PATH=without, UV_DEFAULT_INDEX=nowhere, PIP_INDEX_URL=nowhere, **alone
    )
    assert done.returncode == 3
    assert "cannot install its dependencies" in done.stdout
    assert re.search(r"127\.0\.0\.1|No matching distribution", done.stderr)
