"""All checks, in the order in which they run and are listed.

`python -m mlops_ci.checks.catalog > .pre-commit-hooks.yaml` writes the manifest, `… catalog page` the list that is in
docs/hooks.md, `… catalog scripts` the console scripts of pyproject.toml.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Check

Stage = Literal["pre-commit", "pre-merge-commit", "pre-push", "manual"]
_ON_COMMIT: tuple[Stage, ...] = ("pre-commit", "pre-merge-commit", "manual")


class Entry(NamedTuple):
    """`rules`: of its findings, after a slash.

    `reads_config`: the check judges mlops-ci.yaml itself, and runs when that is broken.
    """

    id: str
    name: str
    description: str
    rules: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = _ON_COMMIT
    reads_config: bool = False

    @property
    def module(self) -> str:
        return self.id.replace("-", "_")

    @property
    def script(self) -> str:
        return f"mlops-ci-{self.id}"

    @property
    def on_commit(self) -> bool:
        return "pre-commit" in self.stages


CATALOG: tuple[Entry, ...] = (
    Entry(
        id="data-not-in-git",
        name="data stays out of Git",
        description="data sets, models, large files and tool folders that enter Git instead of DVC or LFS",
        rules=tuple("binary cache data media model notebook output text tracker".split()),
    ),
    Entry(
        id="dvc-lock-in-sync",
        name="dvc.lock fits the pipeline",
        description="changes after which dvc.lock no longer fits dvc.yaml, params, code or data",
        rules=tuple(
            "absent code command data drift line-ends never-run outs params retrain upstream".split()
        ),
    ),
    Entry(
        id="dvc-files-valid",
        name="DVC files can be read",
        description="broken dvc.yaml, dvc.lock and .dvc files, and outputs that two of them claim",
        rules=("conflict", "outputs", "paths", "schema", "yaml"),
    ),
    Entry(
        id="half-commit",
        name="a change is staged whole",
        description="dvc.lock or a pointer staged without the code, params or data it belongs to, and the reverse",
    ),
    Entry(
        id="metrics-unedited",
        name="metrics are what a stage wrote",
        description="metrics files whose content is not what dvc.lock recorded of the run",
    ),
    Entry(
        id="config-schema",
        name="config files fit their schema",
        description="params and config files that break their JSON Schema",
        rules=("broken", "remote"),
    ),
    Entry(
        id="environment-pinned",
        name="environments are pinned",
        description="environments without exact versions, locks older than their source",
        rules=("stale-lock",),
    ),
    Entry(
        id="policy-valid",
        name="policy is valid",
        description="a broken mlops-ci.yaml, gates on metrics that no stage writes, expired waivers",
        rules=("broken", "expired", "loosened", "metric", "waiver"),
        reads_config=True,
    ),
    Entry(
        id="data-pushed",
        name="data is pushed with its commits",
        description="a push of commits whose DVC or Git LFS data no remote has",
        rules=("dvc", "lfs"),
        stages=("pre-push", "manual"),
    ),
)


def rules() -> set[str]:
    """Everything that a waiver can name."""
    return {one.id for one in CATALOG} | {
        f"{one.id}/{rule}" for one in CATALOG for rule in one.rules
    }


def entry(check: str) -> Entry:
    return next(one for one in CATALOG if one.id == check)


def load(one: Entry) -> Check:
    """The module of a check; no other one is imported."""
    return cast("Check", import_module(f"mlops_ci.checks.{one.module}"))


def manifest() -> str:
    """`.pre-commit-hooks.yaml`. File names are not passed: a check looks at the index itself, once, and a long list of
    names would be cut into several runs. They do not decide either whether a hook runs: pre-commit does not count
    deleted files, nor in a merge those without conflicts. https://github.com/pre-commit/pre-commit/issues/749
    """
    return _HEAD + "\n".join("\n".join(_hook(one)) for one in CATALOG) + "\n"


_HEAD = "# Written by: python -m mlops_ci.checks.catalog > .pre-commit-hooks.yaml\n"


def _hook(one: Entry) -> Iterator[str]:
    yield f"- id: {one.id}"
    yield f"  name: {one.name}"
    yield f"  description: {one.description}"
    yield f"  entry: {one.script}"
    yield "  language: python"
    yield "  always_run: true"
    yield "  pass_filenames: false"
    yield "  require_serial: true"
    yield f"  stages: [{', '.join(one.stages)}]"
    yield "  minimum_pre_commit_version: 3.2.0"


def page() -> str:
    """The list of hooks in docs/hooks.md."""
    lines = ["| hook | stops |", "|:--|:--|"]
    lines += [f"| [`{one.id}`](#{one.id}) | {one.description} |" for one in CATALOG]
    return "\n".join(lines) + "\n"


def scripts() -> str:
    """The console scripts, as lines of pyproject.toml."""
    lines = (f'{one.script} = "mlops_ci_hooks.{one.module}:main"' for one in CATALOG)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write({"page": page, "scripts": scripts}.get("".join(sys.argv[1:]), manifest)())
