"""Verdicts as Statements: what a gate said of the bytes of a model.

https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal

from mlops_ci.errors import UnreadableError
from mlops_ci.lineage.statement import STATEMENT, Descriptor, Statement, finite
from mlops_ci.record import RecordedVerdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_ci.evaluation import Content
    from mlops_ci.model import Comparison, Outcome, Verdict

TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
_Told = Literal["PASSED", "WARNED", "FAILED"]


def statement(
    verdict: Verdict, comparison: Comparison, content: Content, subject: Iterable[Descriptor]
) -> Statement:
    """The verdict on these bytes. The same facts give the same line: there is no time in it."""
    told: dict[_Told, list[str]] = {"PASSED": [], "WARNED": [], "FAILED": []}
    for outcome in verdict.outcomes:
        if outcome.result != "skipped":
            told[_told(outcome)].append(_name(outcome))
    return {
        "_type": STATEMENT,
        "predicateType": TEST_RESULT,
        "subject": list(subject),
        "predicate": {
            "result": _overall(verdict),
            "configuration": list(_configuration(verdict, comparison, content)),
            "passedTests": told["PASSED"],
            "warnedTests": told["WARNED"],
            "failedTests": told["FAILED"],
        },
    }


def _overall(verdict: Verdict) -> _Told:
    """Nothing is passed that no gate has judged."""
    if verdict.blocks:
        return "FAILED"
    return "PASSED" if verdict.result == "pass" else "WARNED"


def _told(outcome: Outcome) -> _Told:
    if outcome.blocks:
        return "FAILED"
    return "PASSED" if outcome.result == "pass" else "WARNED"


def _name(outcome: Outcome) -> str:
    return f"{outcome.gate}: {outcome.metric}" if outcome.metric else outcome.gate


def _configuration(
    verdict: Verdict, comparison: Comparison, content: Content
) -> Iterator[Descriptor]:
    yield _described("policy", verdict.policy_digest, revision=verdict.policy_rev)
    if content.lock:
        yield _described("lock", content.lock)
    if content.evaluation:
        yield _described("evaluation", content.evaluation)
    baseline, candidate = comparison.baseline.origin, comparison.candidate
    yield _commit("baseline", baseline.commit or "", how=comparison.baseline.how)
    where = "commit" if candidate.commit else "work tree"
    yield _commit("candidate", candidate.commit or candidate.head or "", of=where)
    outcomes = [_outcome(one) for one in verdict.outcomes]
    digest = hashlib.sha256(json.dumps(finite(outcomes), sort_keys=True).encode()).hexdigest()
    about = {"model": verdict.model, "result": verdict.result, "outcomes": outcomes}
    yield _described("verdict", digest, **about)


def _described(kind: str, sha256: str, **more: Any) -> Descriptor:
    digest = {"sha256": sha256.removeprefix("sha256:")}
    return {"name": kind, "digest": digest, "annotations": {"kind": kind, **more}}


def _commit(kind: str, commit: str, **more: Any) -> Descriptor:
    digest = {"digest": {"gitCommit": commit}} if commit else {}
    return {"name": kind, **digest, "annotations": {"kind": kind, **more}}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    found = dataclasses.asdict(outcome)
    found["parts"] = [_outcome(part) for part in outcome.parts]
    return {key: value for key, value in found.items() if value not in (None, "", [], ())}


def parse(statements: Iterable[Statement], where: str) -> list[RecordedVerdict]:
    """Those of a Record, none without any. Raises UnreadableError for one of the wrong shape."""
    found = []
    for number, one in enumerate(statements, 1):
        if one["predicateType"] == TEST_RESULT:
            try:
                found.append(_verdict(one))
            except (KeyError, TypeError, AttributeError):
                what = "it has the type of a verdict and not its parts"
                raise UnreadableError(f"{where}:{number}: {what}") from None
    return found


def _verdict(one: Statement) -> RecordedVerdict:
    predicate = one["predicate"]
    parts = {part["name"]: part for part in predicate["configuration"]}
    verdict, policy = parts["verdict"]["annotations"], parts["policy"]["annotations"]
    return RecordedVerdict(
        model=_text(verdict["model"]),
        result=_text(verdict["result"]),
        subject={_text(file["name"]): dict(file["digest"]) for file in one["subject"]},
        policy=_digest(parts, "policy"),
        revision=_text(policy["revision"]),
        lock=_digest(parts, "lock"),
        evaluation=_digest(parts, "evaluation"),
        baseline=_digest(parts, "baseline", "gitCommit"),
        candidate=_digest(parts, "candidate", "gitCommit"),
        passed=_texts(predicate, "passedTests"),
        warned=_texts(predicate, "warnedTests"),
        failed=_texts(predicate, "failedTests"),
    )


def _digest(parts: dict[str, Descriptor], name: str, algorithm: str = "sha256") -> str:
    return _text(parts.get(name, {}).get("digest", {}).get(algorithm, ""))


def _texts(table: dict[str, Any], key: str) -> tuple[str, ...]:
    return tuple(map(_text, table.get(key, [])))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
