"""What was judged of the stages, as Findings: stages that are stale for one and the same reason are one Finding."""

from __future__ import annotations

import os
import posixpath
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

from mlops_ci.checks_config import LockConfig
from mlops_ci.errors import UnreadableError
from mlops_ci.finding import Finding
from mlops_ci.text import pathspec, shell_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlops_ci.checks.base import Scope
    from mlops_ci.checks.lock_ratchet import Judged
    from mlops_ci.config import Config
    from mlops_ci.finding import FindingLevel
    from mlops_ci.stack.data.dvc import Status

_ID = "dvc-lock-in-sync"
_SHOWN = 5
# What a run in CI makes good.
_RETRAINED = frozenset({"code", "params", "command", "never-run"})
_LEVELS: dict[str, FindingLevel] = {"error": "error", "warn": "warning", "note": "note"}
_WHY = "The results in Git are not those of this pipeline: nobody can tell what made them."
_WHYS = {
    "line-ends": (
        "DVC 3 hashes bytes. A checkout with other line ends (Git on Windows) has other hashes, and stages seem stale."
    ),
    "never-run": "A stage that has not run has no results that could be reviewed.",
}
_WHY_UNDECIDED = "Whether the stage is stale depends on content that Git does not have."


def write(scope: Scope, judged: Judged) -> Iterator[Finding]:
    config = scope.config.loaded
    settings = config.checks.dvc_lock_in_sync if config else LockConfig()
    retrains = trains_in_ci(config)
    lines = _Lines(scope)
    trained: dict[str, list[Status]] = defaultdict(list)
    groups: dict[tuple[str, str, str], list[Status]] = defaultdict(list)
    for status in judged.new:
        for kind, text in _texts(status):
            if retrains and kind in _RETRAINED:
                trained[status.pipeline].append(status)
            else:
                groups[status.pipeline, kind, text].append(status)
    for (pipeline, kind, text), stages in groups.items():
        level = getattr(settings, kind.replace("-", "_"))
        if level != "off":
            what = text or _line_ends(stages)
            yield _stale(pipeline, kind, what, stages, _LEVELS[level], lines)
    yield from _undecided(judged.new, lines)
    if settings.absent != "off":
        yield from _absent(judged.new, lines, _LEVELS[settings.absent])
    for pipeline, stages in trained.items():
        yield _will_train(pipeline, stages)
    yield from _drift(judged.old, strict=scope.all_files)


def trains_in_ci(config: Config | None) -> bool:
    """Whether results of a run in CI are kept, so that nobody needs to run the pipeline before a commit."""
    return config is not None and config.train.persist != "none"


def _texts(status: Status) -> Iterator[tuple[str, str]]:
    """A line for each kind of reason, with the first subjects of that kind."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for one in status.reasons:
        by_kind[one.kind].append(f"{one.subject} {one.what}")
    for kind, lines in by_kind.items():
        # Line ends are one matter, however many files and stages have them.
        yield kind, "" if kind == "line-ends" else _some(lines, "; ")


def _line_ends(stages: Iterable[Status]) -> str:
    paths = _with_other_line_ends(stages)
    return f"{_some(paths)} {'were' if len(paths) > 1 else 'was'} hashed with other line ends"


def _with_other_line_ends(stages: Iterable[Status]) -> list[str]:
    reasons = (one for status in stages for one in status.reasons)
    return list(dict.fromkeys(one.subject for one in reasons if one.kind == "line-ends"))


def _some(words: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return separator.join(words[:_SHOWN]) + more


def _stale(
    pipeline: str, kind: str, text: str, stages: list[Status], level: FindingLevel, lines: _Lines
) -> Finding:
    line, column = lines.of(stages[0])
    return Finding(
        rule=f"{_ID}/{kind}",
        path=pipeline,
        line=line,
        column=column,
        what=f"{_names(stages)} stale: {text}",
        why=_WHYS.get(kind, _WHY),
        fix=_line_ends_fix(stages) if kind == "line-ends" else _repro(stages),
        level=level,
    )


def _names(stages: Sequence[Status]) -> str:
    names = list(dict.fromkeys(one.name for one in stages))
    if len(names) == 1:
        return f"stage {names[0]} is"
    return f"stages {_some(names)} are"


def _targets(stages: Iterable[Status]) -> str:
    return " ".join(shell_word(target) for target in dict.fromkeys(one.target for one in stages))


def _lock(status: Status) -> str:
    return pathspec(posixpath.join(posixpath.dirname(status.pipeline), "dvc.lock"))


def _repro(stages: list[Status]) -> str:
    """Outputs in Git change too, and DVC names them when it is done."""
    return f"dvc repro {_targets(stages)} && git add {_lock(stages[0])}"


def _line_ends_fix(stages: list[Status]) -> str:
    paths = _with_other_line_ends(stages)
    rules = " ".join(shell_word(f"{_pattern(path)} -text") for path in paths)
    return (
        f"printf '%s\\n' {rules} >> .gitattributes && git add --renormalize . && "
        f"dvc commit --force {_targets(stages)} && git add .gitattributes {_lock(stages[0])}"
    )


def _pattern(path: str) -> str:
    return f'"/{path}"' if " " in path else f"/{path}"


def _undecided(new: Iterable[Status], lines: _Lines) -> Iterator[Finding]:
    groups: dict[tuple[str, str, str, str], list[Status]] = defaultdict(list)
    for status in new:
        for one in status.doubts:
            groups[status.pipeline, one.subject, one.why, one.fix].append(status)
    for (pipeline, subject, why, fix), stages in groups.items():
        line, column = lines.of(stages[0])
        who = f"{_names(stages).rpartition(' ')[0]}: " if stages[0].name else ""
        yield Finding(
            rule=_ID,
            path=pipeline,
            line=line,
            column=column,
            what=f"{who}{why}" if subject == pipeline else f"{who}{subject}: {why}",
            why=_WHY_UNDECIDED,
            fix=fix or f"dvc status {_targets(stages)}",
            undecided=True,
        )


def _absent(new: Iterable[Status], lines: _Lines, level: FindingLevel) -> Iterator[Finding]:
    for status in new:
        if status.absent:
            line, column = lines.of(status)
            subjects = _some([f"{one.subject} {one.why}" for one in status.absent], "; ")
            yield Finding(
                rule=f"{_ID}/absent",
                path=status.pipeline,
                line=line,
                column=column,
                what=f"stage {status.name}: not checked: {subjects}",
                why="Without its content nobody can tell whether it is what the stage read.",
                fix=f"dvc add {shell_word(status.absent[0].subject)}, or commit it",
                level=level,
            )


def _will_train(pipeline: str, stages: list[Status]) -> Finding:
    names = list(dict.fromkeys(one.name for one in stages))
    return Finding(
        rule=f"{_ID}/retrain", path=pipeline, what=f"CI will train: {_some(names)}", level="note"
    )


def _drift(old: Iterable[Status], *, strict: bool) -> Iterator[Finding]:
    """One line for all that was stale before."""
    old = list(old)
    stale = [one for one in old if one.reasons]
    unsure = [one for one in old if one.doubts and not one.reasons]
    if not stale and not unsure:
        return
    counts: dict[str, int] = defaultdict(int)
    for one in stale:
        counts[one.reasons[0].kind] += 1
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
    parts = [f"{len(stale)} stale ({kinds})"] if stale else []
    parts += [f"{len(unsure)} undecided"] if unsure else []
    when = "in all" if strict else "from before this change"
    yield Finding(
        rule=f"{_ID}/drift",
        path="",
        what=f"stages {when}: {', '.join(parts)}",
        fix=f"to see each: {_program()} --all-files --set strict=true",
        level="note",
    )


def _program() -> str:
    """The hook as it can be typed: pre-commit and prek keep it in an environment of their own."""
    name = f"mlops-ci-{_ID}"
    own = sys.argv[0] if "PRE_COMMIT" in os.environ else ""
    return shell_word(own) if posixpath.basename(own) == name else name


class _Lines:
    """Where in dvc.yaml a stage begins."""

    def __init__(self, scope: Scope) -> None:
        self._tree = scope.tree
        self._marks: dict[str, dict[tuple[object, ...], tuple[int, int]]] = {}

    def of(self, status: Status) -> tuple[int, int]:
        marks = self._of_file(status.pipeline)
        name = status.name
        return (
            marks.get(("stages", name)) or marks.get(("stages", name.partition("@")[0])) or (0, 0)
        )

    def _of_file(self, path: str) -> dict[tuple[object, ...], tuple[int, int]]:
        if path not in self._marks:
            from mlops_ci import yaml

            try:
                content = self._tree.read(path) or b""
                _, self._marks[path] = yaml.load_marked(content.decode("utf-8-sig"), path)
            except (UnreadableError, UnicodeDecodeError):
                self._marks[path] = {}
        return self._marks[path]
