"""One check as a program of its own: what a pre-commit hook runs. It does without click, which takes long to load."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_ci.checks import catalog
from mlops_ci.checks.base import Push
from mlops_ci.checks.render import STYLES, render
from mlops_ci.checks.run import run_checks
from mlops_ci.checks.scope import asked_for
from mlops_ci.errors import MlopsCiError
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlops_ci.checks_config import ChecksConfig

_BUG = 70


def run(check: str, argv: Sequence[str] | None = None) -> int:
    """The exit code of `mlops-ci-CHECK ARGV`: 0 fine, 1 finding, 2 usage or config, 3 undecided, 70 our bug."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        return _run(catalog.entry(check), argv)
    except MlopsCiError as error:
        return _report(error)
    except Exception:  # noqa: BLE001 - a bug must not look like a finding
        import traceback

        traceback.print_exc()
        return _BUG


def _run(one: catalog.Entry, argv: Sequence[str] | None) -> int:
    chosen = _parser(one).parse_args(argv)
    asked = asked_for(
        all_files=chosen.all_files,
        from_ref=chosen.from_ref,
        to_ref=chosen.to_ref,
        policy=chosen.policy,
    )
    if getattr(chosen, "remote", ""):
        asked = replace(asked, pushes=tuple(_pushes(sys.stdin)), remote=chosen.remote)
        if not asked.pushes:
            return 0  # only deletions
    adjust = _Adjust(one.id, chosen.set)
    report = run_checks(Path.cwd(), [one], asked, adjust)
    sys.stdout.write(render(report, chosen.format))
    return report.exit_code


def _parser(one: catalog.Entry) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=one.script,
        description=f"Stops {one.description}.",
        epilog="The check looks at the index by itself, and takes no file names (pass_filenames: false).",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--all-files", action="store_true", help="judge all files, not what changes")
    add("--from-ref", metavar="A", help="judge what A...B changes, by the config of A")
    add("--to-ref", metavar="B", help="default: HEAD")
    add("--policy", metavar="REV", help="judge by the config of REV")
    add("--format", choices=STYLES, default="text")
    add(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"as checks.{one.id}.KEY in mlops-ci.yaml; can be given again",
    )
    if "pre-push" in one.stages:
        add(
            "remote", nargs="?", default="", help="as Git calls pre-push; reads the refs from stdin"
        )
        add("url", nargs="?", default="")
    return parser


def _pushes(lines: Iterable[str]) -> Iterator[Push]:
    """What Git writes to a pre-push hook: https://git-scm.com/docs/githooks#_pre_push"""
    for line in lines:
        words = line.split()
        if len(words) == 4 and words[1].strip("0"):
            yield Push(tip=words[1], known=words[3] if words[3].strip("0") else "")


class _Adjust:
    """Lets `--set` stand above the config."""

    def __init__(self, check: str, pairs: list[str]) -> None:
        self._check = check
        self._pairs = pairs

    def __call__(self, settings: ChecksConfig) -> ChecksConfig:
        if not self._pairs:
            return settings
        from mlops_ci.checks.settings import with_pairs

        return with_pairs(settings, self._check, self._pairs)


def _report(error: MlopsCiError) -> int:
    for line in str(error).splitlines():
        sys.stderr.write(f"error: {visible(line, 10_000)}\n")
    if error.hint:
        sys.stderr.write(f"  {visible(error.hint, 10_000)}\n")
    return error.exit_code
