"""What is generated from the catalog is what the catalog says; runners of hooks accept it."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_ci.checks import catalog
from mlops_ci.checks.hook import run

ROOT = Path(__file__).parents[2]
IDS = [one.id for one in catalog.CATALOG]


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_manifest_is_generated():
    assert text(".pre-commit-hooks.yaml") == catalog.manifest()


@pytest.mark.real
@pytest.mark.parametrize("runner", ["pre_commit", "prek"])
def test_the_manifest_is_valid(runner, tmp_path):
    def validate(path: Path) -> int:
        command = [sys.executable, "-m", runner, "validate-manifest", str(path)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert validate(ROOT / ".pre-commit-hooks.yaml") == 0
    broken = tmp_path / ".pre-commit-hooks.yaml"
    broken.write_text(catalog.manifest().replace("  entry: ", "  entrance: "), encoding="utf-8")
    assert validate(broken) == 1


def test_each_hook_has_a_console_script():
    _, _, scripts = text("pyproject.toml").partition("checks.catalog scripts\n")
    assert scripts.partition("\n\n")[0] + "\n" == catalog.scripts()


def test_each_hook_has_a_file_and_each_file_is_a_hook():
    files = {path.stem for path in (ROOT / "hooks").glob("*.py")} - {"__init__"}
    assert files == {one.module for one in catalog.CATALOG}


@pytest.mark.parametrize("check", IDS)
def test_the_script_of_a_hook_is_that_of_its_check(check, capsys):
    one = catalog.entry(check)
    main = importlib.import_module(f"mlops_ci_hooks.{one.module}").main
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: mlops-ci-{check} ")


@pytest.mark.parametrize("check", IDS)
def test_each_check_is_a_module_with_its_id(check):
    assert check == catalog.load(catalog.entry(check)).ID


def test_the_list_of_the_docs_is_generated():
    shown = re.search(
        r"<!-- list: begin -->\n(.*?)<!-- list: end -->", text("docs/hooks.md"), re.DOTALL
    )
    assert shown
    assert shown[1] == catalog.page()


def test_each_hook_has_a_section_in_the_order_of_the_catalog():
    sections = re.findall(
        r"^## (\S+)\n(.*?)(?=^## |\Z)", text("docs/hooks.md"), re.DOTALL | re.MULTILINE
    )
    described = [(name, body) for name, body in sections if name in IDS]
    assert [name for name, _ in described] == IDS
    for name, body in described:
        parts = re.findall(r"^\*\*(.+?)\*\*|^(```console)$", body, re.MULTILINE)
        found = [bold.rstrip(".") or "example" for bold, _ in parts]
        assert found == ["Stops", "example", "Options", "How it decides", "Known limits"], name


def test_an_unknown_option_is_an_error_of_usage(capsys):
    with pytest.raises(SystemExit) as ended:
        run("half-commit", ["--nonsense"])
    assert ended.value.code == 2
    assert "unrecognized arguments: --nonsense" in capsys.readouterr().err
