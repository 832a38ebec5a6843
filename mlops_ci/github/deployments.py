"""Which version an environment shows, as GitHub deployments: one a promotion, and one of them active.

https://docs.github.com/rest/deployments. GitHub knows no model: several may share an environment, so each has a
task of its own, `deploy:MODEL`, and what was active before is made inactive here: GitHub would do so across models.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from mlops_ci.frozen import dataclass
from mlops_ci.github.client import LostError
from mlops_ci.text import visible

if TYPE_CHECKING:
    from mlops_ci.github.client import Client

_MAX_DESCRIPTION = 140
# Of those before, this many are looked at: each was made inactive when the next one came.
_LOOK_BACK = 10
_PRODUCTION = ("prod", "production")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A model in an environment, which is its stage."""

    model: str
    stage: str

    @property
    def task(self) -> str:
        return f"deploy:{self.model}"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What should be active. `key`: what makes it this one, the id of the tag object; `payload` holds it too."""

    key: str
    commit: str
    description: str
    url: str = ""
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One deployment. `state`: of its newest status, "" without one."""

    id: int
    key: str
    version: str
    state: str


def shown(client: Client, place: Place) -> list[Shown]:
    """The newest deployments of a place, newest first."""
    page = client.get("/deployments", environment=place.stage, task=place.task, per_page=_LOOK_BACK)
    return [_shown(client, one) for one in page]


def _shown(client: Client, one: dict[str, Any]) -> Shown:
    payload = one.get("payload")
    ours = payload if isinstance(payload, dict) else {}
    statuses = client.get(f"/deployments/{int(one['id'])}/statuses", per_page=1)
    return Shown(
        id=int(one["id"]),
        key=str(ours.get("key", "")),
        version=str(ours.get("version", "")),
        state=str(statuses[0]["state"]) if statuses else "",
    )


def is_right(found: list[Shown], wanted: Wanted | None) -> bool:
    """Whether what is wanted is active, and nothing else; for None, whether nothing is."""
    active = [one.key for one in found if one.state == "success"]
    return active == ([wanted.key] if wanted else [])


def project(client: Client, place: Place, wanted: Wanted | None) -> None:
    """Let the environment show what is wanted; repeated, it changes nothing."""
    found = shown(client, place)
    current = None
    if wanted is not None:
        current = next((one for one in found if one.key == wanted.key), None)
        current = current or _create(client, place, wanted)
        if current.state != "success":
            _set(client, current.id, "success", wanted)
    for one in found:
        if one.state not in ("inactive", "") and one != current:
            _set(client, one.id, "inactive", wanted)


def _create(client: Client, place: Place, wanted: Wanted) -> Shown:
    """Without the checks of the commit: the gates have judged, and statuses of a job that runs now are pending."""
    body = {
        "ref": wanted.commit,
        "task": place.task,
        "environment": place.stage,
        "production_environment": place.stage.lower() in _PRODUCTION,
        "description": visible(wanted.description, _MAX_DESCRIPTION),
        "payload": {**wanted.payload, "key": wanted.key},
        "auto_merge": False,
        "required_contexts": [],
    }
    try:
        return _shown(client, client.post("/deployments", body))
    except LostError:
        client.pause()
        made = [one for one in shown(client, place) if one.key == wanted.key]
        if not made:
            raise
        return made[0]


def _set(client: Client, number: int, state: str, wanted: Wanted | None) -> None:
    body: dict[str, Any] = {"state": state, "auto_inactive": False}
    if wanted is not None:
        body |= {"description": visible(wanted.description, _MAX_DESCRIPTION)}
        body |= {"log_url": wanted.url} if wanted.url else {}
    client.post(f"/deployments/{number}/statuses", body, repeatable=True)
