"""Records, and how they compare with what is there now: for a terminal, and as JSON."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from mlops_ci import text
from mlops_ci.report import machine
from mlops_ci.report.paint import Paint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlops_ci.record import (
        Provenance,
        Pushed,
        RecordedFile,
        RecordedVerdict,
        Verification,
        Verified,
        VerifyResult,
    )

_WORDS: dict[VerifyResult, str] = {
    "different": "different",
    "unknown": "undecided",
    "same": "the same",
}
_MARKS = {"same": "✓", "different": "✗", "unknown": "?"}
_COLOURS = {"same": "32", "different": "31", "unknown": "33"}
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b")
_LIMIT = 20
_SHOWN = 12


def show(
    recorded: Sequence[Provenance],
    judged: Sequence[RecordedVerdict] = (),
    *,
    everything: bool = False,
    colour: bool = False,
) -> str:
    """One block a model. `everything`: all files and values, not the first of each kind."""
    paint = Paint(colour)
    blocks = []
    for one in recorded:
        verdicts = [_judged(verdict) for verdict in judged if verdict.model == one.model]
        lines = [*_shown(one, paint, everything=everything)]
        lines += _entries("verdict", verdicts, everything=everything)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def verified(
    found: Sequence[Verification], where: str, *, everything: bool = False, colour: bool = False
) -> str:
    """What differs and what could not be decided; `everything`: also what is the same."""
    paint = Paint(colour)
    lines = [paint.dim(text.visible(where))]
    for one in found:
        lines += ["", *_verification(one, paint, everything=everything)]
    return "\n".join(lines) + "\n"


def verified_json(found: Sequence[Verification], where: str, exit_code: int) -> str:
    """The contract: `models[].facts[]` with `kind`, `name`, `result`, `recorded`, `found`, `reason`, `hint`."""
    models = [
        {
            "model": one.model,
            "different": len(one.with_result("different")),
            "unknown": len(one.with_result("unknown")),
            "same": len(one.with_result("same")),
            "facts": [dataclasses.asdict(fact) for fact in one.facts],
            "remarks": list(one.remarks),
        }
        for one in found
    ]
    return machine.strict_json({
        "schema_version": 1, "record": where, "exit_code": exit_code, "models": models,
    })  # fmt: skip


def pushed(found: Sequence[Pushed], where: str, *, note_added: bool | None) -> str:
    """`note_added`: None where no note was asked for."""
    lines = [text.visible(where)]
    if note_added is not None:
        lines.append(f"  git note    {'added' if note_added else 'was there'}")
    for one in found:
        sent = f", sent as {one.sent_as}" if one.sent_as != one.run_id else ""
        done = "sent" if one.changed else "was there"
        lines.append(text.visible(f"  mlflow run  {one.run_id}{sent} at {one.uri}: {done}", 400))
    return "\n".join(lines) + "\n"


def pushed_json(found: Sequence[Pushed], where: str, *, note_added: bool | None) -> str:
    """The contract: `runs[]` with `run_id`, `sent_as`, `uri`, `changed`; `note_added` is null without --note."""
    runs = [dataclasses.asdict(one) for one in found]
    return machine.strict_json({
        "schema_version": 1, "record": where, "runs": runs, "note_added": note_added,
    })  # fmt: skip


def _verification(one: Verification, paint: Paint, *, everything: bool) -> Iterator[str]:
    different, unknown = one.with_result("different"), one.with_result("unknown")
    code = "31" if different else "33" if unknown else "32"
    yield f"{paint.bold(text.visible(one.model))}  {paint(code, summary(one))}"
    shown = [*different, *unknown, *(one.with_result("same") if everything else ())]
    limit = len(shown) if everything else _LIMIT
    for fact in shown[:limit]:
        yield from _fact(fact, paint)
    if shown[limit:]:
        yield paint.dim(f"    and {len(shown) - limit:,} more (--all shows them)")
    for remark in one.remarks:
        yield paint.dim(f"  ! {text.visible(remark, 400)}")


def summary(one: Verification) -> str:
    """`2 different, 1 undecided, 40 the same`."""
    counted = [(len(one.with_result(result)), word) for result, word in _WORDS.items()]
    return ", ".join(f"{count:,} {word}" for count, word in counted if count)


def _fact(fact: Verified, paint: Paint) -> Iterator[str]:
    mark = paint(_COLOURS[fact.result], _MARKS[fact.result])
    sides = ""
    if fact.result == "different":
        pair = (_side(side) for side in (fact.recorded, fact.found))
        sides = "  recorded {}, found {}".format(*pair)
    reason = f"  {text.visible(fact.reason, 200)}" if fact.reason else ""
    yield f"  {mark} {fact.kind:<11} {text.visible(fact.name, 200)}{sides}{reason}"
    if fact.hint:
        yield paint.dim(f"      {text.visible(fact.hint, 400)}")


def _side(side: str) -> str:
    """`sha256 1a2b3c4d5e6f…` for a digest, which JSON has whole."""
    shown = _DIGEST.sub(lambda found: f"{found[1]}…", side)
    return text.visible(shown or "not there")


def _shown(one: Provenance, paint: Paint, *, everything: bool) -> Iterator[str]:
    yield f"{paint.bold(text.visible(one.model))}  {_when(one)}"
    yield f"  {'command':<12} {text.visible(' '.join(one.command), 200)}"
    sections = {
        "model": _files(one.of_kind("model")),
        "output": _files(one.of_kind("output")),
        "metrics": _values(file.values for file in one.of_kind("metrics")),
        "params": _values(one.params.values()),
        "data": _files(one.of_kind("data")),
        "code": _files(one.of_kind("code")),
        "environment": _files(one.of_kind("environment")),
        "external": [text.visible(name) for name in one.external],
    }
    for label, entries in sections.items():
        yield from _entries(label, entries, everything=everything)
    yield from _circumstances(one)


def _judged(one: RecordedVerdict) -> str:
    counts = (("passed", one.passed), ("with a warning", one.warned), ("failed", one.failed))
    told = ", ".join(f"{len(names):,} {word}" for word, names in counts if names) or "none judged"
    failed = f": {', '.join(one.failed)}" if one.failed else ""
    policy = f"policy {one.policy[:_SHOWN]} of {one.revision[:7]}"
    return text.visible(f"{one.result} against {one.baseline[:7]} by {policy}, {told}{failed}", 300)


def _values(tables: Iterable[dict[str, Any]]) -> list[str]:
    return [
        text.visible(f"{name} {text.value(value)}")
        for table in tables
        for name, value in table.items()
    ]


def _when(one: Provenance) -> str:
    dirty = ", and changes that no commit has" if one.dirty else ""
    return text.visible(f"trained {one.started} on {one.commit[:7]}{dirty}", 200)


def _circumstances(one: Provenance) -> Iterator[str]:
    rows: dict[str, str] = {
        "python": one.python,
        "machine": ", ".join(one.machine.values()),
        "seeds": ", ".join(map(str, one.seeds)),
        "variables": " ".join(f"{name}={value}" for name, value in one.variables.items()),
        "stale": ", ".join(one.stale),
        "run": one.run_url,
        "tracked": ", ".join(
            (run.run_id or "not read back yet") + (" (to be sent)" if run.local else "")
            for run in one.runs
        ),
        "persisted": "none: it cannot be promoted" if one.persist == "none" else one.persist,
    }
    for name, value in rows.items():
        if value:
            yield f"  {name:<12} {text.visible(value, 300)}"


def _files(files: list[RecordedFile]) -> list[str]:
    return [_file(one) for one in files if not one.folder]


def _file(one: RecordedFile) -> str:
    digest = one.digests.get("sha256") or one.digests.get("dirHash") or ""
    about = f"{text.size(one.size)}  {digest[:_SHOWN]}" if digest else f"not read: {one.unread}"
    return f"{text.visible(one.path)}  {text.visible(about)}"


def _entries(label: str, entries: list[str], *, everything: bool) -> Iterator[str]:
    limit = len(entries) if everything else _LIMIT
    for number, entry in enumerate(entries[:limit]):
        yield f"  {'' if number else label:<12} {entry}"
    if entries[limit:]:
        yield f"  {'':<12} and {len(entries) - limit:,} more (--all shows them)"
