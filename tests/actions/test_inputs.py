"""Inputs of the actions are the options of the commands: none is forgotten, none is made up, all are on the page."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import click
import pytest

from mlops_ci.cli import cli

ROOT = Path(__file__).parents[2]
DOCUMENT = runpy.run_path(str(ROOT / "actions/document.py"))
ACTIONS = DOCUMENT["actions"]()
VERBS = sorted(ACTIONS.keys() - {"", "setup"})
# What is no option: where the step runs, and what must not be an argument.
OF_THE_STEP = {"working-directory", "token"}
# What the action decides: it writes files, a summary and outputs.
DECIDED = {
    "check": {"github"},
    "drill": {"json", "github", "local", "keep"},
    "gate": {"format", "json", "github"},
    "promote": {"json", "github", "local", "approved-by"},
    "publish": set(),
    "report": {"format", "output", "github"},
    "rollback": {"json", "github", "local"},
    "train": {"json", "github"},
}
# Those whose steps push to the repository, or fetch from one that is private.
PUSHES = {
    "GIT_CONFIG_COUNT": 1,
    "GIT_CONFIG_KEY_0": "credential.${{ github.server_url }}.helper",
    "GIT_CONFIG_VALUE_0": '!f() { echo username=x-access-token; echo "password=$GITHUB_TOKEN"; }; f',
}


def variables(verb: str) -> dict[str, str]:
    """The environment variable of every argument and option, by the name that the user types."""
    command = cli.get_command(click.Context(cli), verb)
    assert command
    found = {}
    for one in command.params:
        name = max(one.opts, key=len).removeprefix("--")
        found[name] = str(one.envvar or f"MLOPS_CI_{verb.upper()}_{str(one.name).upper()}")
    return found


def steps(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ACTIONS[name]["runs"]["steps"]
    return found


@pytest.mark.parametrize("verb", VERBS)
def test_inputs_are_options(verb: str) -> None:
    options = variables(verb).keys() - DECIDED[verb]
    assert ACTIONS[verb]["inputs"].keys() - OF_THE_STEP == options
    assert all(one["default"] is not None for one in ACTIONS[verb]["inputs"].values())


def env(verb: str, inputs: set[str]) -> dict[str, Any]:
    """What hands these inputs to their options."""
    token = {"GITHUB_TOKEN": "${{ inputs.token }}"}
    pushes = dict.fromkeys(("drill", "promote", "rollback"), token | PUSHES)
    notes = {"MLOPS_CI_NOTES_TOKEN": "${{ github.token }}"}
    reports = {"gate": notes, "report": notes, "publish": token | notes}
    extra = {**reports, **pushes}.get(verb, {})
    return extra | {variables(verb)[one]: f"${{{{ inputs.{one} }}}}" for one in inputs}


@pytest.mark.parametrize("verb", VERBS)
def test_every_input_reaches_its_option(verb: str) -> None:
    (step,) = steps(verb)
    assert step["env"] == env(verb, ACTIONS[verb]["inputs"].keys() - OF_THE_STEP)
    assert step["working-directory"] == "${{ inputs.working-directory }}"


def test_the_root_passes_all_on_to_its_two_commands() -> None:
    train, publish = steps("")
    assert train["env"] == env("train", {"config"})
    assert publish["env"] == env("publish", ACTIONS[""]["inputs"].keys() - OF_THE_STEP - {"train"})
    # What it leaves out is for revisions that are not those of a pull request, and for fan-in jobs.
    left_out = {"head", "exact", "from", "summary", "pull", "via"}
    assert ACTIONS["publish"]["inputs"].keys() - ACTIONS[""]["inputs"].keys() == left_out


@pytest.mark.parametrize("name", ACTIONS)
def test_outputs_are_written_by_their_steps(name: str) -> None:
    ids = {step.get("id") for step in steps(name)}
    for output, entry in ACTIONS[name].get("outputs", {}).items():
        found = re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.([\w-]+) \}\}", entry["value"])
        assert found
        assert found[1] in ids
        assert found[2] == output


def test_what_the_marketplace_shows() -> None:
    root = ACTIONS[""]
    assert root["branding"].keys() == {"icon", "color"}
    assert len(root["description"]) <= 125


def test_inputs_and_outputs_are_on_the_page() -> None:
    page = (ROOT / "docs/actions.md").read_text(encoding="utf-8")
    assert DOCUMENT["page"](page) == page, "run: python actions/document.py"


@pytest.mark.parametrize("name", ACTIONS)
def test_scripts_hold_no_expression_and_write_no_environment(name: str) -> None:
    for step in steps(name):
        assert "${{" not in step["run"]
        assert not re.search(r"GITHUB_(ENV|PATH)", step["run"])
        assert "uses" not in step


@pytest.mark.parametrize("name", ACTIONS)
def test_no_cell_of_a_table_is_broken(name: str) -> None:
    entries = {**ACTIONS[name].get("inputs", {}), **ACTIONS[name].get("outputs", {})}
    assert not [key for key, entry in entries.items() if re.search(r"[|\n]", entry["description"])]
