"""What every renderer shows: a Comparison with its Verdicts, told model by model. Data only, no medium."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import mlops_ci
from mlops_ci import text
from mlops_ci.frozen import dataclass
from mlops_ci.report import accept, advice, alert, champion, changes, checks, rows, spans, verdict
from mlops_ci.report.case import Case
from mlops_ci.report.spans import Code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_ci.model import Comparison, ModelComparison, Verdict
    from mlops_ci.report.changes import Group
    from mlops_ci.report.checks import Check
    from mlops_ci.report.spans import Line

ORDER = ("fail", "inconclusive", "warn", "waived", "unarmed", "no gates", "pass", "")
_SHOWN_PASSES = 3
ACCEPT = (
    "The gates are those of the base branch: to accept this change anyway, their owners change them there, "
    "or add a waiver there; in this change it has no effect."
)


@dataclass(frozen=True, kw_only=True)
class Story:
    """One model. `result` is empty and `alert` has no lines where no gate was asked."""

    model: ModelComparison
    result: str
    blocks: bool
    headline: Line
    alert: tuple[tuple[str, Line], ...] = ()
    checks: tuple[Check, ...] = ()
    groups: tuple[Group, ...] = ()

    @property
    def attention(self) -> list[Check]:
        """The rows that are never folded; none where nothing was judged."""
        return [row for row in self.checks if row.result in checks.ATTENTION]

    @property
    def sign(self) -> str:
        """The result whose icon and colour it has: a pass on doubtful numbers is no plain success."""
        return "warn" if self.result == "pass" and verdict.in_doubt(self.model) else self.result

    @property
    def is_open(self) -> bool:
        """Whether a reader has to see more than its summary."""
        return self.result in checks.ATTENTION


@dataclass(frozen=True, kw_only=True)
class Report:
    comparison: Comparison
    stories: tuple[Story, ...]
    headline: Line
    result: str
    footer: Line
    reproduce: tuple[str, ...]
    accept: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        return any(one.blocks for one in self.stories)

    @property
    def sign(self) -> str:
        """Of the worst model; of one in doubt, where all that is wrong is doubt."""
        doubted = self.result == "pass" and any(one.sign == "warn" for one in self.stories)
        return "warn" if doubted else self.result


def tell(comparison: Comparison, verdicts: Mapping[str, Verdict] | None) -> Report:
    """Several models: the worst first, ties by name."""
    stories = [
        _story(comparison, one, verdicts[one.model] if verdicts else None)
        for one in comparison.models
    ]
    if verdicts:
        stories.sort(key=lambda story: (ORDER.index(story.result), story.model.model))
    return Report(
        comparison=comparison,
        stories=tuple(stories),
        headline=stories[0].headline if len(stories) == 1 else _headline(stories),
        result=stories[0].result if stories else "",
        footer=_footer(comparison, verdicts),
        reproduce=_reproduce(comparison, _policy_rev(verdicts), _profile(verdicts)),
        accept=accept.waivers(
            (one.model.model if len(stories) > 1 else "", row)
            for one in stories
            if one.blocks
            for row in one.checks
        ),
    )


def _story(comparison: Comparison, model: ModelComparison, judged: Verdict | None) -> Story:
    groups = changes.groups_of(model)
    if judged is None:
        headline: Line = (Code(model.model), f": {rows.counts(model) or 'no metric changed'}")
        return Story(model=model, result="", blocks=False, headline=headline, groups=groups)
    found = checks.checks_of(judged)
    return Story(
        model=model,
        result=judged.result,
        blocks=judged.blocks,
        headline=(
            *verdict.headline(model, judged, found),
            *champion.addition(model, judged, found),
        ),
        alert=alert.lines(Case(comparison, model, judged, found, groups)),
        checks=tuple(found),
        groups=groups,
    )


def _headline(stories: Sequence[Story]) -> Line:
    """`2 of 5 models are blocked: a, b; 1 warning, 2 fine`."""
    counts = Counter("doubt" if one.sign != one.result else one.result for one in stories)
    total = text.plural(len(stories), "model")
    if set(counts) == {""}:
        return (f"{total} compared",)
    blocked = [story for story in stories if story.blocks]
    unclear = sum(story.result == "inconclusive" and not story.blocks for story in stories)
    rest = "; ".join(_rest(Counter({**counts, "inconclusive": unclear})))
    if not blocked:
        return (f"{total}: {rest}",)
    is_are = "is" if len(blocked) == 1 else "are"
    named = spans.joined([(Code(story.model.model),) for story in blocked[:5]])
    more = f" and {len(blocked) - 5:,} more" if blocked[5:] else ""
    start = f"{len(blocked):,} of {total} {is_are} blocked: "
    return (start, *named, more, *((f"; {rest}",) if rest else ()))


def _rest(counts: Counter[str]) -> list[str]:
    words = (
        ("inconclusive", "cannot be told"), ("warn", "with a warning"), ("waived", "with a waiver"),
        ("pass", "fine"), ("doubt", "in doubt"), ("unarmed", "not judged"), ("no gates", "without gates"),
    )  # fmt: skip
    return [f"{counts[result]:,} {word}" for result, word in words if counts[result]]


def _footer(comparison: Comparison, verdicts: Mapping[str, Verdict] | None) -> Line:
    parts = [_base(comparison), _head(comparison), (f"mlops-ci {mlops_ci.__version__}",)]
    if rev := _policy_rev(verdicts):
        parts.insert(2, (*_policy(rev), *_named(_profile(verdicts))))
    return spans.joined(parts, " · ")


def _policy_rev(verdicts: Mapping[str, Verdict] | None) -> str:
    """Where all gates were read; empty when none were, or at several places."""
    revs = {one.policy_rev for one in verdicts.values()} if verdicts else set()
    return revs.pop() if len(revs) == 1 else ""


def _profile(verdicts: Mapping[str, Verdict] | None) -> str:
    """Which profile of them judged all models; empty for none, or several."""
    names = {one.profile for one in verdicts.values()} if verdicts else set()
    return names.pop() if len(names) == 1 else ""


def _named(profile: str) -> Line:
    return (", profile ", Code(profile)) if profile else ()


def _base(comparison: Comparison) -> Line:
    base = comparison.baseline
    named = (Code(base.origin.rev), " ") if base.origin.rev != base.origin.commit else ()
    found = [spans.prose(base.how)] if base.how else []
    if base.behind:
        found.append((f"{text.plural(base.behind, 'commit')} behind ", Code(base.behind_of)))
    how = (" (", *spans.joined(found), ")") if found else ()
    return ("base ", *named, Code(base.origin.label), *how)


def _head(comparison: Comparison) -> Line:
    head = comparison.candidate
    if head.commit:
        named = (Code(head.rev), " ") if head.rev != head.commit else ()
        return ("head ", *named, Code(head.label))
    return ("head: work tree", *((" on ", Code(head.head[:7])) if head.head else ()))


def _policy(rev: str) -> Line:
    if rev == "candidate":
        return ("gates of this change, not in force",)
    return ("gates of ", Code(rev[:7] if len(rev) == 40 else rev))


def passes(story: Story) -> tuple[list[Check], list[Check]]:
    """The passing rows that are shown, and those that are folded: the largest changes and the least room stay."""
    found = [row for row in story.checks if row.result == "pass"]
    if len(found) <= _SHOWN_PASSES:
        return found, []
    nearest = advice.least_room(found)
    last = [nearest] if nearest else []
    seen = {(row.name, row.slice) for row in last}
    shown: list[Check] = []
    for row in found:
        if (row.name, row.slice) not in seen and len(shown) + len(last) < _SHOWN_PASSES:
            seen.add((row.name, row.slice))
            shown.append(row)
    shown += last
    return shown, [row for row in found if row not in shown]


def skipped(story: Story) -> list[Check]:
    return [row for row in story.checks if row.result == "skipped"]


def folded(found: Sequence[Check]) -> str:
    """`8 better, 2 worse, 1 same` of the rows that one line stands for."""
    words = Counter(_direction(row) for row in found)
    return ", ".join(
        f"{words[word]:,} {word}"
        for word in ("better", "worse", "same", "within bounds")
        if words[word]
    )


def _direction(row: Check) -> str:
    if row.outcome.value == row.outcome.baseline:
        return "same"
    if row.ratio is None:
        return "within bounds"
    return "better" if row.ratio > 0 else "worse"


def _reproduce(comparison: Comparison, policy_rev: str, profile: str) -> tuple[str, ...]:
    """Commands that make the same report, and that make the numbers anew. Nothing that would have to be quoted."""
    base, head = comparison.baseline.origin.commit or "", comparison.candidate.commit
    policy = f" --policy {policy_rev[:12]}" if _is_commit(policy_rev) else ""
    policy += f" --profile {profile}" if re.fullmatch(r"\w[\w.-]*", profile) else ""
    if not head:
        return (f"mlops-ci gate {base[:12]} --exact{policy}",)
    return (
        f"git fetch origin {base} {head}",
        f"mlops-ci gate {base[:12]} {head[:12]} --exact{policy}",
        f"git switch --detach {head[:12]} && dvc pull && dvc repro && mlops-ci diff HEAD",
    )


def _is_commit(rev: str) -> bool:
    return len(rev) in (40, 64) and all(digit in "0123456789abcdef" for digit in rev)
