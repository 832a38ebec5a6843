"""What is installed is what stands in the repository: every folder is listed, every file that is no module is data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePosixPath

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
FOLDERS = {
    name: SETUP["package-dir"].get(name, name.replace(".", "/")) for name in SETUP["packages"]
}


def tracked() -> list[PurePosixPath]:
    """What Git has below the folders of the packages."""
    command = ["git", "ls-files", "-z", "--", *SETUP["package-dir"].values()]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return [PurePosixPath(name) for name in listed.stdout.decode().split("\0")[:-1]]


def test_every_folder_is_a_package() -> None:
    """Setuptools warns of a folder that it installs and that is not listed, and means to refuse it."""
    with_modules = {str(path.parent) for path in tracked() if path.suffix == ".py"}
    assert with_modules == set(FOLDERS.values())


def test_every_other_file_is_data_of_a_package() -> None:
    covered = {
        str(path.relative_to(ROOT))
        for package, patterns in SETUP["package-data"].items()
        for pattern in patterns
        for path in (ROOT / FOLDERS[package]).glob(pattern)
    }
    others = {str(path) for path in tracked() if path.suffix != ".py"}
    assert "mlops_ci/demo/project/.gitignore" in others
    assert others <= covered
