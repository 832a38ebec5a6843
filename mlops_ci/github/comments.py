"""One comment a key, whoever writes at the same time.

GitHub's comments know no compare-and-set, so a comment is only a projection: it is written from what is known, then all
of it is read again, until what stands there is what should stand there. Two that were created at once become one: the
older stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mlops_ci.errors import PublishError
from mlops_ci.frozen import dataclass
from mlops_ci.github import marker
from mlops_ci.github.client import DeniedError, LostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_ci.github.client import Client
    from mlops_ci.github.marker import Marker

BOT = "github-actions[bot]"
# Each can be undone by a job that writes at once; they wait longer and longer for each other.
ROUNDS = 60

Action = Literal["created", "updated", "unchanged", "none"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the comment is: pull request, whose it is by hidden key **and** author."""

    pull: int
    key: str
    author: str = BOT


@dataclass(frozen=True, kw_only=True)
class Written:
    action: Action
    url: str = ""


def upsert(
    client: Client, place: Place, compose: Callable[[Marker | None], str | None], *, create: bool
) -> Written:
    """`compose` makes the body from what the comment says about itself now; None: leave it as it is.

    `create`: also where there is none yet. It is called again whenever something may have changed.
    """
    return _Upsert(client, place, compose, create=create).run()


class _Upsert:
    def __init__(
        self,
        client: Client,
        place: Place,
        compose: Callable[[Marker | None], str | None],
        *,
        create: bool,
    ) -> None:
        self.client, self.place, self.compose, self.create = client, place, compose, create
        self.authors = {place.author.lower()}
        self.action: Action = "none"
        self.rivals = 0
        self.own: dict[str, Any] | None = None

    def run(self) -> Written:
        for _ in range(ROUNDS):
            found = self._found()
            kept = found[0] if found else None
            if (done := self._round(kept, found)) is not None:
                return done
        raise PublishError(
            f"the comment on #{self.place.pull} changes faster than it can be written",
            hint="let one job publish for all: needs: [...]",
        )

    def _round(self, kept: dict[str, Any] | None, found: list[dict[str, Any]]) -> Written | None:
        """None: look again."""
        known = self._newest(found)
        body = self.compose(known) if kept or self.create else None
        if kept is None and body is None:
            return Written(action="none")
        if kept is None:
            self._post(body or "")
            return None
        current = body is None or _same(body, kept["body"])
        if not current and self._gives_way():
            return None
        if not current and not self._patch(kept, body or ""):
            return None
        for other in found[1:]:
            self.client.delete(f"/issues/comments/{other['id']}")
        if current and not found[1:]:
            action = "unchanged" if self.action == "none" else self.action
            return Written(action=action, url=kept.get("html_url", ""))
        return None

    def _gives_way(self) -> bool:
        """Once what was written has been overwritten: to wait, longer each time, lets one of many finish."""
        if self.action == "none" or self.rivals % 2:
            self.rivals += self.action != "none"
            return False
        self.client.hesitate(0.25 * 2 ** min(self.rivals // 2, 6))
        self.rivals += 1
        return True

    def _found(self) -> list[dict[str, Any]]:
        """Ours, the oldest first. GitHub may show what was just created a moment later: then it is asked for."""
        path = f"/issues/{self.place.pull}/comments"
        found = [one for one in self.client.pages(path) if self._is_ours(one)]
        if self.own and all(one["id"] != self.own["id"] for one in found):
            found += self._still_there(self.own)
        return sorted(found, key=lambda one: int(one["id"]))

    def _still_there(self, one: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            return [self.client.get(f"/issues/comments/{one['id']}")]
        except DeniedError as error:
            if error.status != 404:
                raise
        self.own = None  # somebody has folded it into an older one
        return []

    def _is_ours(self, one: dict[str, Any]) -> bool:
        user = one.get("user") or {}  # of a deleted account there is none
        if str(user.get("login", "")).lower() not in self.authors:
            return False
        found = marker.read(one.get("body") or "")
        return found is not None and found.key == self.place.key

    def _newest(self, found: list[dict[str, Any]]) -> Marker | None:
        markers = [one for one in (marker.read(entry["body"]) for entry in found) if one]
        return max(markers, key=lambda one: (*one.order, len(one.pushes)), default=None)

    def _post(self, body: str) -> None:
        """Whether it came through nobody knows when no answer comes: the next round looks."""
        try:
            self.own = self.client.post(f"/issues/{self.place.pull}/comments", {"body": body})
        except LostError:
            self.client.pause()
            return
        assert self.own
        self.authors.add(str((self.own.get("user") or {}).get("login", "")).lower())
        self.action = "created"

    def _patch(self, one: dict[str, Any], body: str) -> bool:
        """False: it was deleted meanwhile."""
        try:
            self.client.patch(f"/issues/comments/{one['id']}", {"body": body})
        except DeniedError as error:
            if error.status == 404:
                return False
            raise
        self.action = "created" if self.action == "created" else "updated"
        return True


def _same(body: str, other: str) -> bool:
    return body.replace("\r\n", "\n").rstrip() == (other or "").replace("\r\n", "\n").rstrip()
