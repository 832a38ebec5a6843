"""What an owner would merge to accept a failure: a waiver, ready but for who, why and until when."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from mlops_ci.report import checks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_ci.report.checks import Check

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.=-]*")
# What YAML 1.1 or 1.2 reads as something else than text.
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_LONGEST = 400
_MOST = 3


def waivers(rows: Iterable[tuple[str, Check]]) -> tuple[str, ...]:
    """YAML for the first few failures; empty where there is none. A row comes with its model, or "" for all models."""
    found = dict.fromkeys(_waiver(model, row) for model, row in rows if row.result == "fail")
    if not found:
        return ()
    more = len(found) - _MOST
    left_out = (f"  # and {more:,} more, one for each check that fails",) if more > 0 else ()
    return ("waivers:", *(line for entry in [*found][:_MOST] for line in entry), *left_out)


def _waiver(model: str, row: Check) -> tuple[str, ...]:
    cap = _cap(row)
    return (
        f"  - gate: {_quoted(row.gate)}",
        *((f"    model: {_quoted(model)}",) if model else ()),
        *((f"    slice: {_quoted(row.slice)}",) if row.slice else ()),
        *((f"    max_regression: {cap:g}",) if cap else ()),
        '    reason: ""       # why this is acceptable',
        '    approved_by: ""  # who says so',
        "    expires: YYYY-MM-DD",
    )


def _quoted(name: str) -> str:
    """On one line, in ASCII, cut where it is too long. `##[` would be a command to a workflow runner."""
    return (
        name
        if len(name) <= _LONGEST and _PLAIN.fullmatch(name) and name.lower() not in _WORDS
        else json.dumps(name[:_LONGEST]).replace("#", "\\u0023")
    )


def _cap(row: Check) -> float | None:
    """The loss, rounded up to two digits."""
    one = row.outcome
    if checks.kind(one) in ("least", "most"):
        loss = abs(one.headroom or 0.0)
    elif checks.kind(one) == "regression" and one.headroom is not None:
        loss = abs(one.headroom) + (checks.limit(one) or 0.0)
    else:
        return None
    if not 0 < loss < math.inf:
        return None
    unit = 10.0 ** (math.floor(math.log10(loss)) - 1)
    return float(f"{math.ceil(loss / unit - 1e-9) * unit:.2g}")
