"""The documents say what the code does: generated parts are the generators' output."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mlops_ci.cli import COMMANDS, cli
from mlops_ci.commands.gate import SUBCOMMANDS
from mlops_ci.config import load
from mlops_ci.schema import config_page

ROOT = Path(__file__).parents[1]


def help_text(*names: str) -> str:
    shown = CliRunner().invoke(
        cli, [*names, "--help"], prog_name="mlops-ci", max_content_width=110, terminal_width=110
    )
    return f"```console\n$ {' '.join(['mlops-ci', *names])} --help\n{shown.output}```\n"


@pytest.mark.parametrize("name", [*COMMANDS, *(f"gate {one}" for one in SUBCOMMANDS)])
def test_every_command_has_a_page_that_shows_its_help(name: str) -> None:
    page = (ROOT / f"docs/{name.replace(' ', '-')}.md").read_text()
    shown = re.search(r"<!-- help: begin -->\n(.*?)<!-- help: end -->", page, re.DOTALL)
    assert shown
    assert shown[1] == help_text(*name.split())


def test_pictures_are_small_and_there_in_light_and_dark_and_all_are_shown() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    found = {
        (page.parent / path).resolve()
        for page in pages
        for path in re.findall(r'src(?:set)?="([^"]+\.png)"', page.read_text(encoding="utf-8"))
    }
    assert found == set((ROOT / "docs/pictures").resolve().glob("*.png"))
    for light in (path for path in found if path.stem.endswith("-light")):
        dark = light.with_name(light.name.replace("-light", "-dark"))
        pictures = [one.read_bytes() for one in (light, dark)]
        assert all(one.startswith(b"\x89PNG") and len(one) < 160_000 for one in pictures)
        assert pictures[0][16:24] == pictures[1][16:24]  # width and height


def test_the_config_on_the_page_of_gate_is_valid() -> None:
    page = (ROOT / "docs/gate.md").read_text()
    found = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (waivers,) = (one for one in found if one.startswith("waivers:"))
    for part in found:
        gates = "" if part is found[0] or "gates:" in part else found[0]
        whole = f"{gates}{part}{'' if part is waivers else waivers}"
        assert load(lambda _, text=whole: text.encode())  # type: ignore[misc]


def test_the_page_of_the_config_is_generated() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == config_page()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_explained(name: str) -> None:
    assert f"mlops-ci {name}" in (ROOT / "README.md").read_text()
    assert f"mlops-ci {name}" in (ROOT / "CHANGELOG.md").read_text()
    command = cli.get_command(click.Context(cli), name)
    assert command
    assert command.help
    assert all(option.help for option in command.params if isinstance(option, click.Option))


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_command_of_gate_is_explained(name: str) -> None:
    assert f"mlops-ci gate {name}" in (ROOT / "README.md").read_text()
    assert f"mlops-ci gate {name}" in (ROOT / "CHANGELOG.md").read_text()


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
