"""How often gates are wrong, for a terminal and as JSON."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from mlops_ci import text
from mlops_ci.report import machine
from mlops_ci.report.paint import Paint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_ci.gate_trials import Calibrated, Calibration, Noise

_BY = {
    "limit": "the limit alone",
    "seeds": "several seeds",
    "history": "the history of main",
    "examples": "the examples",
}
# By whether the predictions of two runs judge.
_HINTS = {
    False: "mlops-ci train --seeds 5",
    True: "their examples say, once main has the predictions of two runs",
}
_OF = {"seeds": "seed", "runs": "run", "examples": "example"}


def as_json(found: Sequence[Calibration]) -> str:
    """The contract: the fields of Calibration in mlops_ci/gate_trials.py."""
    models = [dataclasses.asdict(one) for one in found]
    return machine.strict_json({"schema_version": 1, "models": models})


def render(found: Sequence[Calibration], *, colour: bool = False) -> str:
    return "\n".join(line for one in found for line in _model(one, Paint(colour))) + "\n"


def _model(one: Calibration, paint: Paint) -> Iterator[str]:
    known = f"{text.plural(one.seeds, 'seed')}, {text.plural(one.runs, 'run')} of main"
    yield f"{paint.bold(text.visible(one.model))}  by {known}"
    for rule in one.rules:
        yield from _rule(rule, one.alpha, paint)
    for by_examples, hint in _HINTS.items():
        unknown = {
            rule.metric
            for rule in one.rules
            if rule.noise is None and (rule.judged_by == "examples") == by_examples
        }
        if unknown:
            yield f"  nothing is known of the noise of {text.plural(len(unknown), 'metric')}: {hint}"
    if one.replays:
        yield paint.bold("  by their limits alone, gates stop")
    for replay in one.replays:
        pairs = (
            "pairs of seeds, of the same model" if replay.of == "seeds" else "runs that main took"
        )
        yield f"    {text.visible(replay.gate)}  {replay.stopped} of {replay.total} {pairs}"


def _rule(rule: Calibrated, alpha: float, paint: Paint) -> Iterator[str]:
    limit = rule.written if isinstance(rule.written, str) else f"{rule.written:g}"
    kinds = {
        "regression": f"at most {limit} worse",
        "least": f"at least {limit}",
        "most": f"at most {limit}",
    }
    yield (
        f"  {paint.bold(text.visible(rule.gate))}  {text.visible(rule.metric)}: {kinds[rule.kind]}, "
        f"judged by {_BY[rule.judged_by]}"
    )
    if rule.noise and rule.false_fail is None:
        hint = ": does the training read MLOPS_CI_SEED?" if rule.noise.of == "seeds" else ""
        yield f"    never differs in {_count(rule.noise)}{hint}"
    if rule.noise is None or rule.false_fail is None or rule.proposed is None:
        return
    often = paint("31" if rule.false_fail > alpha else "32", _percent(rule.false_fail))
    yield f"    stops {often} of models that are no worse; standard deviation {_noise(rule.noise)}"
    yield f"    proposed: {rule.proposed:.2g}, {_meaning(rule, alpha)}"
    if rule.power:
        shares = ", ".join(f"{loss:.2g}: {_percent(share)}" for loss, share in rule.power)
        yield f"    stops by true loss: {shares}"


def _noise(noise: Noise) -> str:
    what = "of the change, " if noise.of == "examples" else ""
    return f"{noise.sd:.2g} ({what}{_count(noise)})"


def _count(noise: Noise) -> str:
    return text.plural(noise.count, _OF[noise.of]) + (" of main" if noise.of == "runs" else "")


def _meaning(rule: Calibrated, alpha: float) -> str:
    if rule.judged_by == "limit":
        return f"which stops {_percent(alpha)} of them"
    return "which four in five of them pass"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else "100 %"
