"""One check as a program of its own: what a pre-commit hook runs. It does without click, which takes long to load."""

from __future__ import annotations

import gc
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from mlops_ci.checks import catalog
from mlops_ci.checks.base import Push
from mlops_ci.checks.render import STYLES, render
from mlops_ci.checks.run import run_checks
from mlops_ci.checks.scope import Asked, asked_for
from mlops_ci.errors import MlopsCiError
from mlops_ci.text import visible

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mlops_ci.checks.run import Report
    from mlops_ci.checks_config import ChecksConfig

_BUG = 70


def run(check: str, argv: Sequence[str] | None = None) -> int:
    """The exit code of `mlops-ci-CHECK ARGV`: 0 fine, 1 finding, 2 usage or config, 3 undecided, 70 our bug."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    gc.set_threshold(500_000)  # as in cli.main
    code = _exit_code(check, argv)
    gc.freeze()
    return code


def _exit_code(check: str, argv: Sequence[str] | None) -> int:
    try:
        return _run(catalog.entry(check), argv)
    except MlopsCiError as error:
        return _report(error)
    except Exception:  # noqa: BLE001 - a bug must not look like a finding
        import traceback

        traceback.print_exc()
        return _BUG


def _run(one: catalog.Entry, argv: Sequence[str] | None) -> int:
    words = sys.argv[1:] if argv is None else list(argv)
    here = os.getcwd()  # noqa: PTH109 - pathlib and argparse take long to load
    if not words:  # as most hooks are run
        return _said(run_checks(here, [one], Asked()), "text")
    chosen = _parser(one).parse_args(words)
    asked = asked_for(
        all_files=chosen.all_files,
        from_ref=chosen.from_ref,
        to_ref=chosen.to_ref,
        policy=chosen.policy,
    )
    if getattr(chosen, "remote", ""):
        asked = asked._replace(pushes=tuple(_pushes(sys.stdin)), remote=chosen.remote)
        if not asked.pushes:
            return 0  # only deletions
    return _said(run_checks(here, [one], asked, _adjust(one.id, chosen.set)), chosen.format)


def _said(report: Report, style: str) -> int:
    sys.stdout.write(render(report, style))
    return report.exit_code


def _parser(one: catalog.Entry) -> argparse.ArgumentParser:
    import argparse

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


def _adjust(check: str, pairs: list[str]) -> Callable[[ChecksConfig], ChecksConfig] | None:
    """Lets `--set` stand above the config."""
    if not pairs:
        return None
    from mlops_ci.checks.settings import with_pairs

    return partial(with_pairs, check=check, pairs=pairs)


def _report(error: MlopsCiError) -> int:
    for line in str(error).splitlines():
        sys.stderr.write(f"error: {visible(line, 10_000)}\n")
    if error.hint:
        sys.stderr.write(f"  {visible(error.hint, 10_000)}\n")
    return error.exit_code
