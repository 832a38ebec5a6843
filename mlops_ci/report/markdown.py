"""A Comparison and its Verdicts as GitHub markdown: a pull request comment, a job summary."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_ci.report import (
    advice,
    certainty,
    changes,
    flipped,
    gfm,
    rows,
    spans,
    story,
    tables,
    verdict,
)
from mlops_ci.report.tables import Detail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_ci.model import Comparison, Note, Verdict
    from mlops_ci.report.story import Report, Story

# A comment may have 65,536 characters; the rest is for whoever posts it.
LIMIT = 60_000
_ALERTS = {
    "fail": "CAUTION", "inconclusive": "WARNING", "warn": "WARNING", "waived": "WARNING", "pass": "TIP",
    "unarmed": "NOTE", "no gates": "NOTE",
}  # fmt: skip
_ONE_RUN = "Each side was measured once, so how much of a change is chance is not known; the limits decide."

_UNARMED = "⚪ is not a pass: nothing was judged, and no success status is set."


def render(
    comparison: Comparison,
    verdicts: Mapping[str, Verdict] | None = None,
    *,
    everything: bool = False,
    limit: int = LIMIT,
) -> str:
    """`everything`: bookkeeping as well. Over `limit` characters, detail is left out from the bottom, and said so."""
    told = story.tell(comparison, verdicts)
    whole = "\n".join(_lines(told, Detail(everything=everything)))
    if len(whole) <= limit:
        return whole
    shown = _first_that_fits(told, limit - 200)
    has_plots = any(one.model.plots for one in told.stories)
    return f"{shown}\n{_shortened(_count(whole) - _count(shown), plots=has_plots)}\n"


def _first_that_fits(told: Report, limit: int) -> str:
    """Each level is shorter than the one before, so half of them need not be tried."""
    levels = list(_levels())
    pages: dict[int, str | None] = {}

    def fits(level: int) -> bool:
        pages[level] = _page(told, levels[level], limit)
        return pages[level] is not None

    found = bisect_left(range(len(levels) - 1), True, key=fits)  # noqa: FBT003
    return pages.get(found) or "\n".join(_lines(told, levels[found]))


def _page(told: Report, detail: Detail, limit: int) -> str | None:
    """None as soon as it is longer than `limit`: most of a large report is never written."""
    lines = []
    length = -1
    for one in _lines(told, detail):
        length += len(one) + 1
        if length > limit:
            return None
        lines.append(one)
    return "\n".join(lines)


def _levels() -> Iterator[Detail]:
    """Less and less, from the bottom of the report to its top."""
    level = Detail(plots=False)
    yield level
    level = replace(level, unchanged=False)
    for less in (
        {}, {"passes": False}, {"entries": 20}, {"quiet_details": False}, {"quiet_rows": False},
        {"metrics": False, "entries": 5}, {"words": False},
        {"sections": 100}, {"sections": 50}, {"sections": 20}, {"sections": 5}, {"sections": 0}, {"rows": 20},
        {"failing": 600}, {"failing": 300}, {"failing": 100}, {"failing": 10}, {"failing": 1},
    ):  # fmt: skip
        level = replace(level, **less)
        yield level


def _count(page: str) -> int:
    return sum(line.startswith(("| ", "- ")) for line in page.splitlines())


def _shortened(count: int, *, plots: bool) -> str:
    command = "`mlops-ci report --format html -o report.html`"
    left_out = [*(["plots"] if plots else []), *([f"{count:,} rows"] if count > 0 else [])]
    return (
        f"<sub>Shortened: {' and '.join(left_out) or 'detail'} left out. All of it: {command}</sub>"
    )


def _lines(told: Report, detail: Detail) -> Iterator[str]:
    if len(told.stories) == 1:
        yield from _model(told.stories[0], detail, "###")
    else:
        yield from _several(told, detail)
    yield from _reproduce(told) if told.result else ()
    yield f"<sub>{gfm.line(told.footer)}</sub>"
    yield ""


def _several(told: Report, detail: Detail) -> Iterator[str]:
    icon = f"{verdict.ICONS[told.sign]} " if told.result else ""
    yield f"### {icon}{gfm.line(told.headline)}"
    yield ""
    judged = [one for one in told.stories if one.result]
    if judged:
        yield from tables.models(judged, detail)
        weighed = any(row.outcome.estimate for one in judged for row in one.checks)
        yield from [] if weighed else [f"<sub>{_ONE_RUN}</sub>", ""]
    for one in told.stories[: detail.sections]:
        if one.is_open or not one.result:
            yield from _model(one, detail, "####")
        else:
            yield from _quiet(one, detail)


def _quiet(one: Story, detail: Detail) -> Iterator[str]:
    """A model that needs no look: its notes open, all else in one line that unfolds."""
    yield from _notes(one)
    if not detail.quiet_details:
        return
    yield f"<details><summary>{verdict.ICONS[one.sign]} {gfm.summary(one.headline)}</summary>"
    yield ""
    yield from _alert(one)
    yield from tables.checks(one, detail)
    yield from _groups(one)
    yield "</details>"
    yield ""


def _model(one: Story, detail: Detail, mark: str) -> Iterator[str]:
    icon = f"{verdict.ICONS[one.sign]} " if one.result else ""
    yield f"{mark} {icon}{gfm.line(one.headline)}"
    yield ""
    if one.alert:
        yield from _alert(one)
        yield from tables.checks(one, detail)
        if any(row.strip for row in one.checks):
            yield from [f"<sub>{certainty.LEGEND}</sub>", ""]
        if not one.checks:
            yield from tables.metrics(one.model, Detail(unchanged=False), most=8)
        if one.result == "unarmed":
            yield from [f"<sub>{_UNARMED}</sub>", ""]
    else:
        shown = detail if detail.everything else Detail(unchanged=False)
        yield from tables.metrics(one.model, shown)
        yield from _left_out(one, detail)
    yield from _notes(one)
    folds = one.result == "pass"
    if not folds and any(_groups(one)):
        yield "#### What changed with it"
        yield ""
        yield from _groups(one)
        yield from [changes.CAVEAT, ""] if one.groups else []
    yield from _details(one, detail, folds=folds)


def _alert(one: Story) -> Iterator[str]:
    """Two spaces at the end keep the lines apart in files too; comments break at every line end."""
    if not one.alert:
        return
    yield f"> [!{_ALERTS[one.sign]}]"
    last = one.alert[-1]
    for entry in one.alert:
        label, words = entry
        yield f"> **{label}:** {gfm.line(words)}{'' if entry is last else '  '}"
    yield ""


def _notes(one: Story) -> Iterator[str]:
    for note in one.model.notes:
        yield f"- {_note(note)}"
    if one.model.notes:
        yield ""


def _note(note: Note) -> str:
    side = f"{note.side}: " if note.side else ""
    fix = f" → {gfm.line(advice.fix(note))}" if note.fix else ""
    icon = "❔" if note.kind == "unreadable" else "⚠️"
    return f"{icon} {side}{gfm.line(spans.prose(note.message))}{fix}"


def _groups(one: Story) -> Iterator[str]:
    """One line a kind of explanation; long lists are cut here and whole in the details."""
    for group in one.groups:
        shown = [gfm.line(entry) for entry in group.entries[:6]]
        more = f" · and {group.count - 6:,} more" if group.count > 6 else ""
        yield f"- **{group.title}** {' · '.join(shown)}{more}"
    same = changes.unchanged(one.model)
    if same:
        yield f"- **Unchanged** {same}"
    if same or one.groups:
        yield ""


def _left_out(one: Story, detail: Detail) -> Iterator[str]:
    left_out = rows.hidden(one.model)
    if left_out and not detail.everything:
        yield from [f"<sub>Not shown: {left_out}.</sub>", ""]


def _details(one: Story, detail: Detail, *, folds: bool) -> Iterator[str]:
    if one.alert and detail.metrics:
        yield from _all_metrics(one, detail)
    if detail.plots:
        yield from _flips(one)
    for group in one.groups:
        if group.count > 6:
            yield from _list(group, detail)
    if detail.plots and one.model.plots:
        from mlops_ci.report import charts

        yield from charts.section(one.model.plots)
    if folds and any(_groups(one)):
        yield "<details><summary><b>What changed with it</b></summary>"
        yield ""
        yield from _groups(one)
        yield from [changes.CAVEAT, ""] if one.groups else []
        yield "</details>"
        yield ""


def _flips(one: Story) -> Iterator[str]:
    if head := flipped.headline(one.model):
        yield f"<details><summary><b>Flips</b>: {gfm.summary(head)}</summary>"
        yield ""
        yield from (f"- {gfm.line(line)}" for line in flipped.lines(one.model))
        yield from ["", "</details>", ""]


def _all_metrics(one: Story, detail: Detail) -> Iterator[str]:
    counted = rows.counts(one.model) or "none changed"
    total = sum(1 for row in one.model.metrics if detail.everything or not row.hidden)
    if not total:
        return
    yield f"<details><summary><b>All metrics</b>, {total:,}: {counted}</summary>"
    yield ""
    yield from tables.metrics(one.model, detail)
    yield "</details>"
    yield ""


def _list(group: changes.Group, detail: Detail) -> Iterator[str]:
    yield f"<details><summary><b>{group.title}</b>: {group.count:,}</summary>"
    yield ""
    yield from (f"- {gfm.line(entry)}" for entry in group.entries[: detail.entries])
    more = group.count - detail.entries
    yield from [f"- and {more:,} more"] if more > 0 else []
    yield ""
    yield "</details>"
    yield ""


def _reproduce(told: Report) -> Iterator[str]:
    accept = ", or accept it anyway" if told.blocks else ""
    yield f"<details><summary><b>Reproduce it</b>{accept}</summary>"
    yield ""
    yield "```sh"
    yield from told.reproduce
    yield "```"
    yield from [story.ACCEPT] if accept else []
    yield from ["```yaml", *told.accept, "```"] if told.accept else []
    yield ""
    yield "</details>"
    yield ""
