"""GitHub's REST API, within its limits: waits when it says so, repeats only what may be repeated.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import json
import random
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from mlops_ci import __version__
from mlops_ci.errors import PublishError, UnreadableError
from mlops_ci.http import MAX_BYTES, Session
from mlops_ci.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlops_ci.http import Answer

# Seconds that one command waits in all: a job is paid by the minute.
PATIENCE = 180.0
TRIES = 5
_SECONDARY_PAUSE = 60
_MAX_PAGES = 100
_NEXT = re.compile(r'<([^<>]+)>;\s*rel="next"')
_BROKEN = (500, 502, 503, 504)


class LostError(PublishError):
    """No answer, or that of a broken server: it may have been done, or not. Look before doing it again."""


class DeniedError(PublishError):
    """GitHub says no: `status` and its `said`."""

    def __init__(self, message: str, status: int, said: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status, self.said = status, said


class Client:
    """One repository at one GitHub. `sleep`: that of `time`, but for tests."""

    def __init__(
        self,
        api: str,
        repository: str,
        token: str,
        *,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": f"mlops-ci/{__version__}",
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        self.repository = repository
        self._headers = headers
        self._session = Session(api, headers)
        self._patience, self._sleep = patience, sleep or time.sleep

    def get(self, path: str, **query: str | int) -> Any:
        """`path`: below that of the repository, its parts quoted by `part`."""
        return self._json(self._send("GET", self._url(path, query)))

    def pages(self, path: str, key: str = "", **query: str | int) -> Iterator[Any]:
        """The entries of all pages; `key`: of the object that holds the list."""
        url = self._url(path, {"per_page": 100, **query})
        for _ in range(_MAX_PAGES):
            answer = self._send("GET", url)
            page = self._json(answer)
            yield from page[key] if key else page
            following = _NEXT.search(answer.headers.get("link", ""))
            if following is None:
                return
            url = self._below(following[1])
        raise PublishError(f"GitHub lists more than {_MAX_PAGES} pages of {path}")

    def post(self, path: str, body: dict[str, Any], *, repeatable: bool = False) -> Any:
        """`repeatable`: to do it twice is as good as once. Else raises LostError when nobody knows."""
        return self._json(self._send("POST", self._url(path), body, repeatable=repeatable))

    def patch(self, path: str, body: dict[str, Any], *, repeatable: bool = True) -> Any:
        return self._json(self._send("PATCH", self._url(path), body, repeatable=repeatable))

    def delete(self, path: str) -> None:
        """What is gone already is fine."""
        try:
            self._send("DELETE", self._url(path))
        except DeniedError as error:
            if error.status != 404:
                raise

    def upload(self, url: str, name: str, content: bytes) -> Any:
        """A file to `url`, which a release names for it. Raises LostError when nobody knows whether it is there."""
        address = url.partition("{")[0]
        split = urlsplit(address)
        self._check_uploads(split.scheme, split.netloc)
        session = Session(f"{split.scheme}://{split.netloc}", self._headers)
        path = f"{split.path}?{_encoded({'name': name})}"
        answer = self._sent(
            lambda: session.send("POST", path, content=content),
            "POST",
            split.path,
            repeatable=False,
        )
        return self._json(answer)

    def _check_uploads(self, scheme: str, host: str) -> None:
        """api.github.com has uploads.github.com; GitHub Enterprise Server has its own host. Nowhere else.

        https://docs.github.com/rest/releases/assets#upload-a-release-asset
        """
        own = urlsplit(self._session.url)
        known = {own.netloc, re.sub(r"^api\.", "uploads.", own.netloc)}
        if scheme != own.scheme or host not in known:
            raise PublishError("GitHub takes files at another address: check GITHUB_API_URL")

    def pause(self) -> None:
        """Before one looks whether what got lost was done."""
        self._wait(_backoff(0))

    def hesitate(self, most: float) -> None:
        """Up to `most` seconds, by chance: so that jobs that began together do not go on together."""
        seconds = min(random.uniform(0, most), self._patience)  # noqa: S311 - no secret
        self._patience -= seconds
        self._sleep(seconds)

    def _url(self, path: str, query: dict[str, str | int] | None = None) -> str:
        return f"/repos/{self.repository}{path}" + (f"?{_encoded(query)}" if query else "")

    def _below(self, url: str) -> str:
        """The server says where the next page is: only below the same address, with the same credentials."""
        if not url.startswith(self._session.url + "/"):
            raise PublishError("GitHub's list goes on at another address: check GITHUB_API_URL")
        return url.removeprefix(self._session.url)

    def _json(self, answer: Answer) -> Any:
        with suppress(ValueError, RecursionError):
            return json.loads(answer.body)
        raise PublishError(
            "GitHub does not answer in JSON", hint="check GITHUB_API_URL; is there a login page?"
        )

    def _send(self, method: str, url: str, body: Any = None, *, repeatable: bool = True) -> Answer:
        return self._sent(
            lambda: self._session.send(method, url, body), method, url, repeatable=repeatable
        )

    def _sent(
        self, call: Callable[[], Answer], method: str, url: str, *, repeatable: bool
    ) -> Answer:
        for attempt in range(TRIES):
            last = attempt == TRIES - 1
            try:
                answer = call()
            except UnreadableError as error:
                if not repeatable or last:
                    raise LostError(f"no answer from GitHub: {error}", hint=error.hint) from error
                self._wait(_backoff(attempt))
                continue
            if answer.status < 300 and len(answer.body) <= MAX_BYTES:
                return answer
            if (pause := _limited(answer, attempt)) is not None and not last:
                self._wait(pause)
            elif answer.status in _BROKEN and repeatable and not last:
                self._wait(_backoff(attempt))
            else:
                break
        raise _refusal(method, url, answer)

    def _wait(self, seconds: float) -> None:
        """Everybody who was told to wait does not come back at the same moment."""
        seconds += random.uniform(0, min(1.0, seconds / 4 + 0.05))  # noqa: S311 - no secret
        if seconds > self._patience:
            when = time.strftime("%H:%M", time.gmtime(time.time() + seconds))
            raise PublishError(
                f"GitHub asks to wait until {when} UTC: its rate limit is used up, or it is broken",
                hint="run the job again after that; nothing is lost",
            )
        self._patience -= seconds
        self._sleep(seconds)


def token_of(environ: Mapping[str, str]) -> str:
    """Only from the environment: arguments can be seen by other processes."""
    return (environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN") or "").strip()


def part(name: str) -> str:
    """As one part of a path; `/` as well."""
    return quote(name, safe="", errors="backslashreplace")


def _encoded(query: dict[str, str | int]) -> str:
    """Names need not be UTF-8; one that is not is none that GitHub knows."""
    return urlencode(query, errors="backslashreplace")


def _backoff(attempt: int) -> float:
    return 0.25 * 4**attempt if attempt < 3 else 16.0


def _limited(answer: Answer, attempt: int) -> float | None:
    """Seconds until GitHub takes requests again; None when this is no matter of limits."""
    if answer.status not in (403, 429):
        return None
    after = answer.headers.get("retry-after", "")
    if after.isascii() and after.isdigit():
        return float(after)
    if answer.headers.get("x-ratelimit-remaining") == "0":
        reset = answer.headers.get("x-ratelimit-reset", "")
        return max(1.0, int(reset) - time.time()) if reset.isdecimal() else _SECONDARY_PAUSE
    if answer.status == 429 or b"secondary rate limit" in answer.body:
        return _SECONDARY_PAUSE * 2.0**attempt
    return None


def _refusal(method: str, url: str, answer: Answer) -> PublishError:
    said = _said(answer)
    what = f"{method} {visible(url.partition('?')[0])}"
    if answer.status in _BROKEN:
        return LostError(
            f"GitHub is broken: {what} answers {answer.status}", hint="run the job again"
        )
    if len(answer.body) > MAX_BYTES:
        return PublishError(f"{what} answers with more than {MAX_BYTES >> 20} MiB")
    message = f"GitHub refuses {what}: {answer.status} {said}".rstrip()
    return DeniedError(message, answer.status, said, hint=_hint(answer))


def _said(answer: Answer) -> str:
    found: Any = None
    with suppress(ValueError, RecursionError):
        found = json.loads(answer.body)
    if not isinstance(found, dict):
        return ""
    errors = found.get("errors")
    details = (
        [one.get("message") for one in errors if isinstance(one, dict)]
        if isinstance(errors, list)
        else []
    )
    return visible("; ".join(str(one) for one in (found.get("message"), *details[:3]) if one), 300)


def _hint(answer: Answer) -> str:
    if answer.status == 401:
        return "is GITHUB_TOKEN set to ${{ github.token }}, and not expired?"
    if answer.status == 403:
        needed = answer.headers.get("x-accepted-github-permissions", "")
        # A workflow writes pull-requests where the header says pull_requests.
        rights = re.sub(r"(\w+)=(\w+)", r"\1: \2", visible(needed))
        rights = rights.replace("_", "-").replace(";", " or")
        return f"give the job the permission {rights}" if rights else "give the job the permission"
    if 300 <= answer.status < 400:
        return "the repository has moved: check GITHUB_REPOSITORY"
    return ""
