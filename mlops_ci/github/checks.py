"""Check runs: in progress, then completed with annotations; and the place where each job leaves what it found.

https://docs.github.com/rest/checks/runs
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from mlops_ci.errors import PublishError
from mlops_ci.frozen import dataclass
from mlops_ci.github.client import LostError
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_ci.github.client import Client

Conclusion = Literal["success", "failure", "neutral", "cancelled"]
# Characters of output.summary and of output.text.
MAX_OUTPUT = 65_535
MAX_ANNOTATIONS = 50
_MAX_SECTION = 16 * 1024 * 1024
_TEXT = re.compile(r"<!-- mlops-ci-section ([A-Za-z0-9+/=]+) -->")
_TRIES = 4


@dataclass(frozen=True, kw_only=True)
class Annotation:
    path: str
    line: int
    level: Literal["failure", "warning", "notice"]
    message: str
    title: str

    def as_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "start_line": self.line,
            "end_line": self.line,
            "annotation_level": self.level,
            "message": visible(self.message, 1_000),
            "title": visible(self.title, 200),
        }


@dataclass(frozen=True, kw_only=True)
class Output:
    title: str
    summary: str
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "title": visible(self.title, 255),
            "summary": self.summary[:MAX_OUTPUT],
            **({"text": self.text} if self.text else {}),
        }


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which job it is of. `job`: the same for the same job of another run or attempt."""

    key: str
    job: str
    run: int
    attempt: int

    @property
    def external_id(self) -> str:
        return f"mlops-ci:{self.key}:{self.job}:{self.run}:{self.attempt}"

    @classmethod
    def read(cls, external_id: str) -> Identity | None:
        found = re.fullmatch(r"mlops-ci:(.*):([^:]*):(\d+):(\d+)", external_id)
        if found is None:
            return None
        return cls(key=found[1], job=found[2], run=int(found[3]), attempt=int(found[4]))

    @property
    def order(self) -> tuple[int, int]:
        return self.run, self.attempt


@dataclass(frozen=True, kw_only=True)
class Found:
    """A check run of ours: what its job left there is in `section`, None where that cannot be read."""

    id: int
    identity: Identity
    status: str
    app: int
    section: dict[str, Any] | None


def start(client: Client, sha: str, name: str, identity: Identity, output: Output) -> Found:
    """In progress. When no answer comes, it looks first whether there is one by now."""
    body = {
        "name": visible(name, 255),
        "head_sha": sha,
        "status": "in_progress",
        "external_id": identity.external_id,
        "output": output.as_json(),
    }
    for _ in range(_TRIES):
        try:
            return _found(client.post("/check-runs", body), identity)
        except LostError:
            client.pause()
        for one in listed(client, sha, identity.key):
            if one.identity == identity:
                return one
    raise PublishError("GitHub does not say whether it has created the check run")


def finish(
    client: Client,
    run: Found,
    conclusion: Conclusion,
    output: Output,
    annotations: Sequence[Annotation] = (),
) -> None:
    """Annotations are appended, 50 a request; only the last request completes it."""
    batches = [
        annotations[at : at + MAX_ANNOTATIONS] for at in range(0, len(annotations), MAX_ANNOTATIONS)
    ] or [[]]
    for batch in batches:
        last = batch is batches[-1]
        done = {"status": "completed", "conclusion": conclusion} if last else {}
        shown = output.as_json() | {"annotations": [one.as_json() for one in batch]}
        client.patch(f"/check-runs/{run.id}", done | {"output": shown}, repeatable=not batch)


def cancel(client: Client, run: Found, why: str) -> None:
    """One that nobody will complete."""
    output = Output(title=why, summary=why)
    body = {"status": "completed", "conclusion": "cancelled", "output": output.as_json()}
    client.patch(f"/check-runs/{run.id}", body)


def listed(client: Client, ref: str, key: str) -> Iterator[Found]:
    """Ours at a commit, of all runs and attempts."""
    path = f"/commits/{ref}/check-runs"
    for one in client.pages(path, "check_runs", filter="all"):
        identity = Identity.read(str(one.get("external_id") or ""))
        if identity and identity.key == key:
            yield _found(one, identity)


def _found(one: dict[str, Any], identity: Identity) -> Found:
    return Found(
        id=int(one["id"]),
        identity=identity,
        status=str(one["status"]),
        app=int((one.get("app") or {}).get("id") or 0),
        section=unpacked(str((one.get("output") or {}).get("text") or "")),
    )


def packed(section: dict[str, Any]) -> str | None:
    """Hidden text of a check run; None when it does not fit."""
    text = base64.b64encode(zlib.compress(json.dumps(section).encode(), 9)).decode()
    line = f"<!-- mlops-ci-section {text} -->"
    return line if len(line) <= MAX_OUTPUT else None


def unpacked(text: str) -> dict[str, Any] | None:
    """None for what is not ours, or larger than what we write."""
    found = _TEXT.search(text)
    if found is None:
        return None
    with suppress(ValueError, zlib.error, RecursionError):
        unzip = zlib.decompressobj()
        raw = unzip.decompress(base64.b64decode(found[1]), _MAX_SECTION)
        data = json.loads(raw)
        return data if isinstance(data, dict) else None
    return None
