"""What gates did about faults, for a terminal and as JSON."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.report import machine
from mlops_ci.report.paint import Paint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlops_ci.gate_trials import Proof
    from mlops_ci.waivers import WaiverConfig

_WIDTH = 200


def as_json(
    found: Mapping[str, Sequence[Proof]], waivers: Mapping[str, Sequence[WaiverConfig]]
) -> str:
    """The contract: the fields of Proof in mlops_ci/gate_trials.py, and `holds`; waivers, which did not count."""
    models = [
        {
            "name": name,
            "proofs": [{**dataclasses.asdict(one), "holds": one.holds} for one in own],
            "waivers": [_fields(one) for one in waivers.get(name, ())],
        }
        for name, own in found.items()
    ]
    return machine.strict_json({"schema_version": 1, "models": models})


def _fields(waiver: WaiverConfig) -> dict[str, str | None]:
    return {"gate": waiver.gate, "slice": waiver.slice, "expires": waiver.expires}


def render(
    found: Mapping[str, Sequence[Proof]],
    waivers: Mapping[str, Sequence[WaiverConfig]],
    *,
    colour: bool = False,
) -> str:
    paint = Paint(colour)
    lines: list[str] = []
    for name, own in found.items():
        lines += [*_model(name, own, paint), *map(_uncounted, waivers.get(name, ()))]
    return "\n".join(lines) + "\n"


def _model(name: str, own: Sequence[Proof], paint: Paint) -> Iterator[str]:
    missed = sum(not one.holds for one in own)
    told = f"{text.plural(missed, 'fault')} not stopped" if missed else "every fault is stopped"
    yield f"{paint.bold(text.visible(name))}  {told}"
    for gate in dict.fromkeys(one.gate for one in own):
        proofs = [one for one in own if one.gate == gate]
        yield from _gate(gate, proofs, paint)


def _uncounted(waiver: WaiverConfig) -> str:
    where = f" in {text.visible(waiver.slice, _WIDTH)}" if waiver.slice else ""
    gate = text.visible(waiver.gate or "", _WIDTH)
    return f"  not tried: the waiver of {gate}{where} until {waiver.expires} lets through what it covers"


def _gate(gate: str, proofs: Sequence[Proof], paint: Paint) -> Iterator[str]:
    missed = [one for one in proofs if not one.holds]
    states = {one.state for one in proofs}
    mark, code = ("✗", "31") if missed else ("!", "33") if "warned" in states else ("✓", "32")
    if "off" in states:
        mark, code = "·", "2"
    yield f"  {paint(code, mark)} {text.visible(gate, _WIDTH)}  {_counted(proofs)}"
    for fault in dict.fromkeys(one.fault for one in missed):
        first, *more = (one for one in missed if one.fault == fault)
        where = f" of {text.visible(first.metric, _WIDTH)}" if first.metric else ""
        where += f" and {len(more)} more" if more else ""
        told = "does not pass" if fault == "nothing changed" else "is let through"
        yield f"      {fault}{where} {told}: {text.visible(first.reason, _WIDTH)}"


def _counted(proofs: Sequence[Proof]) -> str:
    """`stops regression (3), not a number (3)`; a gate that only warns says so."""
    if proofs[0].state == "off":
        return "is off"
    parts = []
    for state, verb in (("stopped", "stops"), ("warned", "only warns of")):
        counts = Counter(one.fault for one in proofs if one.state == state)
        named = [f"{fault} ({count})" if count > 1 else fault for fault, count in counts.items()]
        parts += [f"{verb} {', '.join(named)}"] if named else []
    return "; ".join(parts)
