"""The body of the comment: its marker, the report, how it came to this, and the run."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.frozen import dataclass
from mlops_ci.github.marker import Marker, Push
from mlops_ci.publish.shown import DECLARED, Shown, baselines, joined, telling
from mlops_ci.report import gfm, markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Of 65,536 characters; the marker has 6,000, and the lines below the report the rest.
LIMIT = 58_000
_BARS = "▁▂▃▄▅▆▇█"
_LINES, _METRICS, _POINTS = 3, 8, 8
# At the start of a line only we write these: all text from a repository is on one line, in a span.
_PASSED = re.compile(r"^(#{3,4} |\| |<details><summary>)✅ ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Source:
    """What the comment is made from: `parts` of all jobs, at one head. `runs_url`: of a run, without its number."""

    parts: tuple[Shown, ...]
    key: str
    head: str
    run: int
    attempt: int
    runs_url: str = ""

    @property
    def order(self) -> tuple[int, int]:
        return self.run, self.attempt


def body(source: Source, old: Marker | None) -> str | None:
    """None when the comment already shows this: nothing that a reader sees would change."""
    whole = joined(source.parts)
    report = "\n".join((page(whole), *_differing(source.parts)))
    digest = _digest(report)
    if old and old.head == source.head and old.digest == digest:
        return None
    pushes = _pushes(old, source.head, whole)
    marker = Marker(
        key=source.key,
        head=source.head,
        run=source.run,
        attempt=source.attempt,
        digest=digest,
        sections=digests(source.parts),
        pushes=pushes,
    )
    return f"{marker.line()}\n{_signed(report.rstrip(), _footer(source, pushes))}\n"


def _signed(report: str, footer: str) -> str:
    """More of its last line, which is small print."""
    return f"{report.removesuffix('</sub>')} · {footer}</sub>" if footer else report


def page(shown: Shown, limit: int = LIMIT) -> str:
    """The report as markdown; of declared numbers with a word of warning, and no pass looks like one."""
    report = markdown.render(shown.comparison, shown.verdicts or None, limit=limit)
    if not shown.declared:
        return report
    headline, _, rest = _unverified(report).partition("\n")
    return f"{headline} (declared, not verified)\n\n{_banner(shown)}{rest.lstrip()}"


def _unverified(report: str) -> str:
    shown = _PASSED.sub(r"\1⚪ ", report).replace("\n> [!TIP]\n", "\n> [!IMPORTANT]\n")
    return shown.replace(
        "\n> **Do:** nothing.", "\n> **Do:** read the diff, then measure, as above."
    )


def _banner(shown: Shown) -> str:
    commit = next((one.policy_rev for one in shown.verdicts.values()), "")
    by = f" by the gates of the base branch at {gfm.code(commit[:7])}" if commit else ""
    return (
        "> [!IMPORTANT]\n"
        f"> **All numbers below are {DECLARED}.** Another run made them. Only the judging was done here{by}; "
        "a verdict that came with the numbers was ignored.  \n"
        "> **No success status was set.** Read the diff, since this runs its code, then measure: "
        "`gh pr checkout`, `dvc repro`, `mlops-ci gate`\n\n"
    )


def _differing(parts: Sequence[Shown]) -> Iterator[str]:
    found = baselines(parts)
    if found:
        named = [
            f"{gfm.code(commit[:7])} for {', '.join(map(gfm.name, sorted(models)[:5]))}"
            for commit, models in sorted(found.items())
        ]
        yield f"<sub>The jobs compared with different commits: {'; '.join(named)}</sub>\n"


def digests(parts: Sequence[Shown]) -> dict[str, str]:
    """By a digest of the model's name: names are hostile, and long."""
    found = {}
    for part in parts:
        for one in part.comparison.models:
            alone = repr((one, part.verdicts.get(one.model)))
            found[_digest(one.model)[:8]] = _digest(alone)[:8]
    return found


def _digest(shown: str) -> str:
    return hashlib.sha256(shown.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _pushes(old: Marker | None, head: str, shown: Shown) -> tuple[Push, ...]:
    """One a head: what an earlier run of the same head said is replaced."""
    before = [one for one in (old.pushes if old else ()) if one.head != head[:12]]
    return (*before, Push(head=head[:12], result=shown.result, values=_values(shown)))


def _values(shown: Shown) -> dict[str, float]:
    """Of each model the metric that its verdict turned on, the worst model first; then those of its first gates."""
    found: dict[str, float] = {}
    ranked = sorted(shown.verdicts.values(), key=lambda one: not one.blocks)
    firsts = [(one, outcome) for one in ranked if (outcome := telling(one))]
    others = [(one, outcome) for one in ranked for outcome in one.outcomes[:4]]
    for verdict, outcome in (*firsts, *others):
        value = outcome.value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not outcome.metric:
            continue
        if abs(value) < 1e300 and len(found) < _METRICS:
            name = f"{verdict.model}: {outcome.metric}"
            found.setdefault(text.visible(name, 80), float(value))
    return found


def _footer(source: Source, pushes: Sequence[Push]) -> str:
    parts = list(_trajectories(pushes))
    if source.runs_url and source.run:
        parts.append(f"[run {source.run}]({source.runs_url}{source.run})")
    return " · ".join(parts)


def _trajectories(pushes: Sequence[Push]) -> Iterator[str]:
    """`auc` by push: ▇▂▁ 0.719 → 0.668 → 0.659"""
    names = list(pushes[-1].values)
    for name in names[:_LINES]:
        values = [push.values[name] for push in pushes if name in push.values][-_POINTS:]
        if len(values) > 1:
            shown = [text.value(one) for one in values]
            arrows = f"{text.NO_BREAK}→{text.NO_BREAK}".join(shown[-4:])
            yield f"{gfm.code(name)} by push: `{_spark(values)}` {arrows}"


def _spark(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    if high == low:
        return _BARS[3] * len(values)
    return "".join(_BARS[round((one - low) / (high - low) * 7)] for one in values)
