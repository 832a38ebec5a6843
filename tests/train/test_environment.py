"""The environment is what the lock says: compared with it, or made from it by the tool of the lock."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zipfile
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from mlops_ci.train.locks import Interpreter, ask, describe
from mlops_ci.train.versions import agrees
from tests.train.conftest import BIN, train

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Repo

# What a stage sees of its environment.
LOOK = "python -c 'import demo_pkg; print(demo_pkg.__version__)' > model.bin; echo '{}' > metrics.json\n"


def wheel(folder: Path, version: str) -> Path:
    """A package of one line, as a registry would have it."""
    path = folder / f"demo_pkg-{version}-py3-none-any.whl"
    info = f"demo_pkg-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("demo_pkg.py", f"__version__ = '{version}'\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: demo-pkg\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def requirements(file: Path, digest: str = "") -> str:
    digest = digest or hashlib.sha256(file.read_bytes()).hexdigest()
    return f"demo-pkg @ {file.as_uri()} --hash=sha256:{digest}\n"


def test_of_two_versions_the_one_counts_that_is_imported(tmp_path: Path) -> None:
    """An environment that sees the system's packages behind its own: of the lock it was said to have the system's."""
    make = [str(BIN / "python"), "-m", "venv", "--system-site-packages", "--without-pip", "env"]
    subprocess.run(make, cwd=tmp_path, check=True)
    python = str(tmp_path / "env/bin/python")
    name, version = next(iter(ask(python).packages.items()))
    (site,) = (tmp_path / "env/lib").glob("python*/site-packages")
    (site / f"{name}-0.0.1.dist-info").mkdir()
    assert version != ask(python).packages[name] == "0.0.1"


@pytest.mark.parametrize(
    ("lock", "in_sync"),
    [
        ("numpy==2.0\n", "yes"),
        ("numpy==2.1\n", "no"),
        ("numpy==2.0\nabsent==1.0\n", "unknown"),
        ("NumPy==2.0\n", "yes"),
        ("numpy==2\n", "yes"),
        ("numpy>=1\n", "unknown"),
        ("numpy==2.0\ntorch>=3\n", "unknown"),
        ("torch==2.1.0\n", "yes"),
        ("torch==2.1.0+cpu\n", "no"),
        ("torch==2.1.0.post1\n", "no"),
        ("<<<<<<< \n", "unknown"),
        ("", "unknown"),
    ],
)
def test_what_is_installed_is_compared_with_the_lock(
    tmp_path: Path, lock: str, in_sync: str
) -> None:
    tmp_path.joinpath("requirements.txt").write_text(lock)
    packages = {"numpy": "2.0", "torch": "2.1.0+cu121"}
    interpreter = Interpreter(path="python", version="3.11.0", packages=packages)
    found = describe(tmp_path, "requirements.txt", interpreter)
    (described,) = found.locks
    assert described.in_sync == in_sync
    assert bool(found.drift) == (in_sync == "no")
    assert described.sha256 == hashlib.sha256(lock.encode()).hexdigest()


LINUX = {
    "implementation_name": "cpython",
    "implementation_version": "3.11.4",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6.1",
    "platform_system": "Linux",
    "platform_version": "1",
    "python_full_version": "3.11.4",
    "python_version": "3.11",
    "sys_platform": "linux",
}
HASH = " --hash=sha256:" + "0" * 64
UV = """\
version = 1
[[package]]
name = "churn"
version = "0.1.0"
source = {{ virtual = "." }}
dependencies = [
  {{ name = "numpy", marker = "{numpy}" }},
  {{ name = "click" }},
]
[[package]]
name = "click"
version = "8.0"
dependencies = [{{ name = "colorama", marker = "{colorama}" }}]
[[package]]
name = "colorama"
version = "0.4.6"
[[package]]
name = "numpy"
version = "2.0"
"""
WIN, NIX = "sys_platform == 'win32'", "sys_platform != 'win32'"
BY_VERSION = "numpy==2.0 ; python_version < '3.9'\nnumpy==2.1 ; python_version >= '3.9'\n"


@pytest.mark.parametrize(
    ("path", "lock", "in_sync"),
    [
        (
            "requirements.txt",
            f'numpy==2.0\ncolorama==0.4.6 ; sys_platform == "win32"{HASH}\n',
            "yes",
        ),
        ("requirements.txt", f"numpy==2.0\ncolorama==0.4.6;{WIN} \\\n   {HASH}\n", "yes"),
        ("requirements.txt", f"numpy==2.0\npywin32==306 ; {WIN}\n", "yes"),
        ("requirements.txt", f"numpy==2.0\ncolorama==0.4.6 ; {NIX}\n", "no"),
        ("requirements.txt", f"numpy==2.0\ncolorama @ https://a.example/c.whl ; {WIN}\n", "yes"),
        ("requirements.txt", BY_VERSION, "no"),
        ("requirements.txt", f"colorama==0.4.6 ; {WIN}\n", "unknown"),
        ("uv.lock", UV.format(numpy=NIX, colorama=WIN), "yes"),
        ("uv.lock", UV.format(numpy=NIX, colorama=NIX), "no"),
        ("uv.lock", UV.format(numpy=WIN, colorama=WIN), "yes"),
        (
            "pylock.toml",
            (
                f'[[packages]]\nname = "numpy"\nversion = "2.0"\n[[packages]]\nname = "colorama"\n'
                f'version = "0.4.6"\nmarker = "{WIN}"\n'
            ),
            "yes",
        ),
        (
            "poetry.lock",
            (
                f'[[package]]\nname = "numpy"\nversion = "2.0"\n[[package]]\nname = "colorama"\n'
                f'version = "0.4.6"\nmarkers = "{WIN}"\n'
            ),
            "yes",
        ),
        (
            "Pipfile.lock",
            (
                '{"default": {"numpy": {"version": "==2.0"}, "colorama": '
                f'{{"version": "==0.4.6", "markers": "{WIN}"}}}}}}'
            ),
            "yes",
        ),
    ],
)
def test_what_is_for_another_platform_is_left_out(
    tmp_path: Path, path: str, lock: str, in_sync: str
) -> None:
    tmp_path.joinpath(path).write_text(lock)
    packages = {"numpy": "2.0", "colorama": "0.4.4", "click": "8.0", "churn": "0.1.0"}
    there = Interpreter(path="python", version="3.11.4", packages=packages, platform=LINUX)
    found = describe(tmp_path, path, there)
    assert (found.locks[0].in_sync, bool(found.drift)) == (in_sync, in_sync == "no"), found.drift
    assert not found.doubt


@pytest.mark.real
def test_a_marker_that_cannot_be_understood_is_said_and_refuses_nothing(pipeline: Repo) -> None:
    lock = f"dvc==0.0.1 ; sys_platform === ({HASH}\nclick=={metadata.version('click')}{HASH}\n"
    pipeline.commit(**{"requirements.txt": lock})
    done = train(pipeline, "--json")
    assert done.code == 0, done.err
    assert "markers that cannot be understood" in done.err
    assert "dvc (sys_platform === ()" in done.err
    assert done.data["environments"][0]["in_sync"] == "unknown"


def test_what_a_lock_takes_in_is_compared_and_recorded_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "requirements"
    folder.mkdir()
    tmp_path.joinpath("requirements.txt").write_text("-r requirements/base.txt\nclick==8.0\n")
    folder.joinpath("base.txt").write_text("--constraint=limits.txt\nnumpy==2.1\n")
    folder.joinpath("limits.txt").write_text("-r ../requirements.txt\n")
    packages = {"numpy": "2.0", "click": "8.0"}
    there = Interpreter(path="python", version="3.11.4", packages=packages)
    found = describe(tmp_path, "requirements.txt", there)
    assert [one.path for one in found.locks] == [
        "requirements.txt",
        "requirements/base.txt",
        "requirements/limits.txt",
    ]
    assert "numpy 2.0, not 2.1" in found.drift
    folder.joinpath("base.txt").write_text("numpy==2.0\n")
    assert describe(tmp_path, "requirements.txt", there).locks[0].in_sync == "yes"
    folder.joinpath("base.txt").unlink()
    assert describe(tmp_path, "requirements.txt", there).locks[0].in_sync == "unknown"


@pytest.mark.real
def test_an_environment_is_made_anew_when_what_its_lock_takes_in_has_changed(
    pipeline: Repo, tmp_path: Path
) -> None:
    pipeline.commit(**{"requirements.txt": "-r base.txt\n", "train.sh": LOOK})
    for number in ("1.0", "2.0"):
        pipeline.commit(**{"base.txt": requirements(wheel(tmp_path, number))})
        done = train(pipeline, "--environment", "locked", "--json", "--force")
        assert done.code == 0, done.err
        assert pipeline.path.joinpath("model.bin").read_text() == f"{number}\n"
    assert [one["path"] for one in done.data["environments"]] == ["requirements.txt", "base.txt"]


@pytest.mark.parametrize(
    ("path", "wanted", "installed", "found"),
    [
        ("requirements.txt", "1.0-RC.1", "1.0rc1", "yes"),
        ("requirements.txt", "v1.0-1", "1.0.0.post1", "yes"),
        ("requirements.txt", "1!1.0", "1.0", "no"),
        ("uv.lock", "2.1.0", "2.1.0+cu121", "no"),
        ("uv.lock", "0.1 (editable .)", "0.2", "yes"),
        ("uv.lock", "0.1 (git+https://a.example/b@1a2b3c4)", "0.1", "unknown"),
        ("environment.yml", "1.26", "1.26.4", "unknown"),
        ("environment.yml", "1.26", "1.27", "no"),
    ],
)
def test_versions_agree_as_the_tool_of_the_lock_has_it(
    path: str, wanted: str, installed: str, found: str
) -> None:
    assert agrees(path, wanted, installed) == found


@pytest.mark.real
def test_an_environment_that_contradicts_the_lock_refuses_or_is_recorded(pipeline: Repo) -> None:
    pipeline.commit(**{"requirements.txt": "pyyaml==0.1\n"})
    refused = train(pipeline)
    assert refused.code == 2
    assert "requirements.txt says: pyyaml" in refused.errors[0]
    done = train(pipeline, "--on-dirty", "record", "--json")
    assert done.code == 0, done.err
    assert done.data["environments"][0]["in_sync"] == "no"


@pytest.mark.real
def test_pip_installs_what_the_hashes_say_and_nothing_else(pipeline: Repo, tmp_path: Path) -> None:
    file = wheel(tmp_path, "1.0")
    pipeline.commit(**{"requirements.txt": requirements(file), "train.sh": LOOK})
    done = train(pipeline, "--environment", "locked", "--json")
    assert done.code == 0, done.err
    assert pipeline.path.joinpath("model.bin").read_text() == "1.0\n"
    assert done.data["environments"][0] | {"sha256": ""} == {
        "path": "requirements.txt",
        "tool": "pip",
        "sha256": "",
        "in_sync": "yes",
    }
    assert not [one for one in pipeline.git("status", "--porcelain").splitlines() if "env" in one]

    pipeline.commit(**{"requirements.txt": requirements(file, "0" * 64)})
    refused = train(pipeline, "--environment", "locked")
    assert refused.code == 3
    assert "requirements.txt cannot be installed" in refused.errors[0]


@pytest.mark.real
def test_uv_installs_its_lock_and_refuses_one_that_is_out_of_date(
    pipeline: Repo, tmp_path: Path
) -> None:
    file = wheel(tmp_path, "2.0")
    project = (
        '[project]\nname = "x"\nversion = "0"\nrequires-python = ">=3.10"\ndependencies = [{}]\n'
    )
    source = f'[tool.uv.sources]\ndemo-pkg = {{path = "{file}"}}\n'
    pipeline.write("pyproject.toml", project.format('"demo-pkg"') + source)
    env = {**os.environ, "UV_OFFLINE": "1"}
    subprocess.run([BIN / "uv", "lock", "-q"], cwd=pipeline.path, check=True, env=env)
    pipeline.commit(**{"train.sh": LOOK})
    done = train(pipeline, "--environment", "locked", "--json", UV_OFFLINE="1")
    assert done.code == 0, done.err
    assert pipeline.path.joinpath("model.bin").read_text() == "2.0\n"
    assert done.data["environments"][0]["tool"] == "uv"

    pipeline.commit(**{"pyproject.toml": project.format("")})
    refused = train(pipeline, "--environment", "locked", UV_OFFLINE="1")
    assert refused.code == 3
    assert "uv.lock" in refused.errors[0]
    assert "uv lock" in refused.err


@pytest.mark.real
def test_a_stage_runs_in_an_environment_of_its_own(pipeline: Repo, tmp_path: Path) -> None:
    file = wheel(tmp_path, "3.0")
    config = "train: {environments: {gpu: {lock: gpu/requirements.txt, stages: [train]}}}\n"
    files = {"mlops-ci.yaml": config, "gpu/requirements.txt": requirements(file), "train.sh": LOOK}
    pipeline.commit(**files)
    done = train(pipeline, "--json")
    assert done.code == 0, done.err
    assert pipeline.path.joinpath("model.bin").read_text() == "3.0\n"
    assert [(one["name"], one["environment"]) for one in done.data["stages"]] == [
        ("prepare", ""),
        ("train", "gpu"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("poetry.lock", "", "not from poetry.lock"),
        ("requirements.txt", "demo-pkg==1.0\n", "has no hashes"),
    ],
)
def test_what_cannot_be_installed_is_said(
    pipeline: Repo, name: str, content: str, said: str
) -> None:
    pipeline.commit(**{name: content})
    done = train(pipeline, "--environment", "locked")
    assert done.code == 2
    assert said in done.errors[0]


def test_without_a_lock_there_is_nothing_to_make_it_from(pipeline: Repo) -> None:
    done = train(pipeline, "--environment", "locked")
    assert done.code == 2
    assert "no lock file" in done.errors[0]
