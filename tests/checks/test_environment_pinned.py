"""Open versions and stale locks: what is found, what is let through, and what cannot be told."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.checks import environment_pinned
from mlops_ci.checks.scope import Asked, find_scope
from mlops_ci.git import Repository

if TYPE_CHECKING:
    from mlops_ci.finding import Finding

COMMIT = "0123456789" * 4


def found(repo: Any, *, all_files: bool = False, **files: str) -> list[Finding]:
    for path, content in files.items():
        repo.write(path, content)
    repo.git("add", "--all")
    repository = Repository.discover(repo.path)
    return list(environment_pinned.check(find_scope(repository, Asked(all_files=all_files), {})))


@pytest.mark.parametrize(
    "line",
    [
        "numpy==1.26.4",
        "\ufeff\ufeffnumpy==1.26.4",
        "numpy == 1.26.4 ; python_version < '3.12'",
        "numpy===1.0",
        "torch==2.1.0+cu118",
        "numpy==1.26.4 \\\n    --hash=sha256:aa",
        "-e .",
        "-e .[test]",
        "./lib",
        "-r base.txt",
        "--no-binary :all:",
        "# numpy",
        f"git+https://github.com/a/b@{COMMIT}",
        f"b @ git+https://github.com/a/b.git@{COMMIT}#subdirectory=c",
        "https://example.com/torch-2.1-py3-none-any.whl",
    ],
)
def test_a_pinned_line(repo: Any, line: str) -> None:
    assert found(repo, **{"requirements.txt": f"{line}\n"}) == []


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy>=1",
        "numpy==1.*",
        "numpy~=1.26",
        "numpy[extra]",
        "git+https://github.com/a/b",
        "b @ git+https://github.com/a/b@main",
        "-e git+https://github.com/a/b#egg=b",
    ],
)
def test_an_open_line(repo: Any, line: str) -> None:
    (one,) = found(repo, **{"requirements.txt": f"# c\n{line}\n"})
    assert (one.path, one.line, one.rule) == ("requirements.txt", 2, "environment-pinned")
    assert "1 of 1 package has no exact version" in one.what


def test_one_finding_a_file_that_names_the_lines(repo: Any) -> None:
    (one,) = found(repo, **{"requirements.txt": "a\nb==1\nc>=2\n"})
    assert one.what == "2 of 3 packages have no exact version: a (line 1), c >=2 (line 3)"
    assert one.fix.startswith("git mv requirements.txt requirements.in && uv pip compile")


def test_only_what_a_change_opens(repo: Any) -> None:
    repo.commit(**{"requirements.txt": "a\nb==1\n"})
    assert found(repo, **{"requirements.txt": "b==2\na\n"}) == []
    (one,) = found(repo, **{"requirements.txt": "a\nb\n"})
    assert "1 of 2 packages has no exact version: b (line 2)" in one.what


def test_all_files_are_judged_as_they_are(repo: Any) -> None:
    repo.commit(**{"requirements.txt": "a\n"})
    assert len(found(repo, all_files=True)) == 1


@pytest.mark.parametrize(
    "path",
    [
        "requirements-dev.txt",
        "docs/requirements.txt",
        "tests/requirements.txt",
        "{{cookiecutter.name}}/requirements.txt",
        "notes.txt",
        "requirements.in",
    ],
)
def test_what_is_no_environment_of_a_run(repo: Any, path: str) -> None:
    assert found(repo, **{path: "numpy\n"}) == []


@pytest.mark.parametrize(
    ("path", "lock"),
    [("environment.yml", "conda-lock.yml"), ("requirements.txt", "poetry.lock")],
)
def test_a_file_beside_a_lock_is_not_what_is_installed(repo: Any, path: str, lock: str) -> None:
    files = {path: "dependencies: [numpy]\n" if path.endswith("yml") else "numpy\n", lock: ""}
    assert found(repo, **files) == []


CONDA = """\
dependencies:
- python=3.11
- numpy==1.26.4
- conda-forge::scipy=1.11.3=py311_0
- pandas
- pip
- pip:
  - torch>=2
  - dvc==3.0
"""


def test_conda(repo: Any) -> None:
    (one,) = found(repo, **{"environment.yml": CONDA})
    assert one.what == "2 of 7 packages have no exact version: pandas (line 5), torch >=2 (line 8)"
    assert one.fix == "conda-lock -f environment.yml, and commit conda-lock.yml"


def test_python_env(repo: Any) -> None:
    text = "python: 3.11.7\nbuild_dependencies: [pip]\ndependencies: [mlflow, 'dvc==3.0']\n"
    (one,) = found(repo, **{"python_env.yaml": text})
    assert "1 of 2 packages has no exact version: mlflow (line 3)" in one.what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("name: p\nconda_env: gone.yaml\n", "its conda_env gone.yaml is not in the repository"),
        ("name: p\ndocker_env: {image: 'a/b'}\n", "its image a/b has no fixed version"),
        ("name: p\ndocker_env: {image: 'h:5000/b:latest'}\n", "has no fixed version"),
        ("name: p\n", "names no environment"),
        ("name: p\npython_env: my.yml\n", "1 of 1 package has no exact version: a"),
    ],
)
def test_an_mlproject_without_an_environment(repo: Any, text: str, what: str) -> None:
    (one,) = found(repo, **{"MLproject": text, "my.yml": "dependencies: [a]\n"})
    assert what in one.what


@pytest.mark.parametrize(
    "text",
    [
        "docker_env: {image: 'a/b:1.2'}\n",
        f"docker_env: {{image: 'a/b@sha256:{'0' * 64}'}}\n",
        "python_env: my.yml\n",
    ],
)
def test_an_mlproject_with_one(repo: Any, text: str) -> None:
    files = {"MLproject": text, "my.yml": "python: 3.11.1\ndependencies: ['a==1']\n"}
    assert found(repo, **files) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements.txt", "a b c\n"),
        ("environment.yml", "dependencies: [\n"),
        ("environment.yml", "- a\n"),
        ("poetry.lock", "["),
    ],
)
def test_what_cannot_be_read_is_undecided(repo: Any, path: str, text: str) -> None:
    findings = found(repo, **{path: text, "pyproject.toml": ""})
    assert [one.undecided for one in findings] == [True]
    assert path in findings[0].what


POETRY = '[tool.poetry]\nname = "a"\n[tool.poetry.dependencies]\npython = "^3.10"\n'


def poetry_hash() -> str:
    content = {
        "dependencies": {"python": "^3.10"}, "source": None, "extras": None, "dev-dependencies": None,
    }  # fmt: skip
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def test_poetry(repo: Any) -> None:
    lock = f'[metadata]\ncontent-hash = "{poetry_hash()}"\n'
    assert found(repo, **{"pyproject.toml": POETRY, "poetry.lock": lock}) == []
    repo.commit()
    (one,) = found(repo, **{"pyproject.toml": f'{POETRY}numpy = "1"\n'})
    assert (one.path, one.fix, one.rule) == (
        "poetry.lock",
        "poetry lock",
        "environment-pinned/stale-lock",
    )


def test_a_lock_that_was_stale_before_is_not_this_change(repo: Any) -> None:
    lock = '[metadata]\ncontent-hash = "0"\n'
    repo.commit(**{"pyproject.toml": POETRY, "poetry.lock": lock})
    assert found(repo, **{"pyproject.toml": f'{POETRY}numpy = "1"\n'}) == []
    assert len(found(repo, all_files=True)) == 1


UV = """\
[[package]]
name = "my-project"
source = { virtual = "." }
[package.metadata]
requires-dist = [{ name = "numpy" }, { name = "pytest", marker = "extra == 'test'" }]
"""


@pytest.mark.parametrize(
    ("dependencies", "what"),
    [
        ('"NumPy>=1"', None),
        ('"numpy", "scipy"', "does not have scipy of pyproject.toml"),
        ("", "still has numpy"),
    ],
)
def test_uv(repo: Any, dependencies: str, what: str | None) -> None:
    project = f'[project]\nname = "My.Project"\ndependencies = [{dependencies}]\n'
    findings = found(repo, **{"pyproject.toml": project, "uv.lock": UV})
    assert [what in one.what for one in findings if what] == ([True] if what else [])


def test_uv_with_dynamic_dependencies_is_not_judged(repo: Any) -> None:
    project = '[project]\nname = "my-project"\ndynamic = ["dependencies"]\n'
    assert found(repo, **{"pyproject.toml": project, "uv.lock": UV}) == []


def test_pip_compile(repo: Any) -> None:
    lock = "# autogenerated by pip-compile with Python 3.11:\n#    pip-compile requirements.in\nnumpy==1.0\n"
    assert (
        found(repo, **{"requirements.in": "-c c.txt\nNumPy>=1\n", "requirements.txt": lock}) == []
    )
    repo.commit()
    (one,) = found(repo, **{"requirements.in": "numpy\nscipy\n"})
    assert "does not have scipy of requirements.in" in one.what


def test_deleted_and_renamed_files(repo: Any) -> None:
    repo.commit(**{"requirements.txt": "a\n", "b/requirements.txt": "a\nb\n"})
    repo.git("rm", "-q", "requirements.txt")
    repo.git("mv", "b/requirements.txt", "b/requirements-gpu.txt")
    assert found(repo) == []


def test_an_unreadable_file_hides_no_other(repo: Any) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 3\n"
    files = {"a/requirements.txt": pointer, "b/requirements.txt": "numpy\n", "b/x.in": ""}
    assert [one.undecided for one in found(repo, **files)] == [True, False]
