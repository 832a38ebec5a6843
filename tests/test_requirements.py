"""The committed locks agree with pyproject.toml, and name no place that packages come from."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BASE = PROJECT["dependencies"]
LOCKS = {
    "actions.txt": BASE,
    "test.txt": [*BASE, *PROJECT["optional-dependencies"]["test"]],
}
# One package of a lock: its requirement, its hashes, and whom it is there for.
ENTRY = re.compile(
    r"(?P<requirement>[^\s#].*?)(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n"
    r"(?P<via>(?:    #.*\n)+)"
)
FOREIGN = re.compile(r"://|\bindex|\bfind-links\b|\bfile:|\B/\w", re.IGNORECASE)


def read(name: str) -> str:
    return (ROOT / "requirements" / name).read_text(encoding="utf-8")


def body(text: str) -> str:
    return re.sub(r"\A(?:#.*\n)+", "", text)


def wrong_versions(text: str, dependencies: list[str]) -> list[str]:
    """The dependencies that the lock lacks, and those it pins to a version that they exclude."""
    pins: dict[str, list[str]] = {}
    for entry in ENTRY.finditer(text):
        name, version = entry["requirement"].split(" ")[0].split("==")
        pins.setdefault(canonicalize_name(name), []).append(version)
    wrong = []
    for dependency in map(Requirement, dependencies):
        versions = pins.get(canonicalize_name(dependency.name), [])
        if not versions or not all(map(dependency.specifier.contains, versions)):
            wrong.append(f"{dependency}: locked {versions}")
    return wrong


@pytest.mark.parametrize("name", LOCKS)
def test_lock_has_every_dependency_in_a_version_it_allows(name: str) -> None:
    wrong = wrong_versions(read(name), LOCKS[name])
    assert wrong == [], "run requirements/compile"


@pytest.mark.parametrize("name", LOCKS)
def test_lock_is_for_exactly_the_dependencies(name: str) -> None:
    direct = {
        canonicalize_name(entry["requirement"].split("==")[0])
        for entry in ENTRY.finditer(read(name))
        if re.search(r"\bmlops-ci \(pyproject\.toml\)", entry["via"])
    }
    named = {canonicalize_name(Requirement(dependency).name) for dependency in LOCKS[name]}
    assert direct == named, "run requirements/compile"


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_is_pinned_and_hashed(name: str) -> None:
    text = body(read(name))
    assert ENTRY.sub("", text) == ""
    for entry in ENTRY.finditer(text):
        assert re.match(r"[\w.-]+==[\w.+!]+(?: ; .+)?$", entry["requirement"])


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_place(name: str) -> None:
    assert FOREIGN.findall(read(name)) == []
    assert read(name).splitlines()[1] == "#    requirements/compile"


def test_hooks_use_the_locked_versions() -> None:
    config = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    pins = set(re.findall(r"[\w.-]+==[\w.]+", config))
    assert pins
    assert pins <= set(re.findall(r"^[\w.-]+==[\w.]+", read("test.txt"), re.MULTILINE))


def test_a_stale_lock_is_found() -> None:
    lock = f"click==8.0 \\\n    --hash=sha256:{'0' * 64}\n    # via mlops-ci (pyproject.toml)\n"
    assert wrong_versions(lock, ["click>=8"]) == []
    assert wrong_versions(lock, ["click>=8.1", "attrs"]) == [
        "click>=8.1: locked ['8.0']",
        "attrs: locked []",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "--index https://example.com/simple",
        "extra-index-url = simple",
        "find-links = wheels",
        "click @ file:click.whl",
        "#    uv pip compile -o /srv/actions.txt",
    ],
)
def test_a_foreign_place_is_found(line: str) -> None:
    assert FOREIGN.search(line)
