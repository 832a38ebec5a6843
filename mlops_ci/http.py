"""JSON over HTTP. Time, size and retries have limits; credentials reach one host and no message."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from mlops_ci.errors import UnreadableError
from mlops_ci.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import urllib3

MAX_BYTES = 16 * 1024 * 1024
_CHUNK = 64 * 1024
# For a whole answer: a server that sends a byte now and then never runs into the limit of one read.
_LONGEST_SECONDS = 120
_NOBODY = frozenset({502, 503, 504})


@dataclass(frozen=True, kw_only=True)
class Tls:
    """How to know a server: `authority`, a file or folder of certificates to trust, is that of the environment where
    it is empty; `insecure` takes any. `client`: the file with the certificate and key to show it.
    """

    authority: str = ""
    client: str = ""
    insecure: bool = False


USUAL = Tls()


class StatusError(UnreadableError):
    """The server refuses or fails: `status` is the HTTP code, `body` the JSON it sent, or None."""

    def __init__(self, where: str, status: int, body: Any) -> None:
        super().__init__(f"{where} answers {status}", hint="check the address and the credentials")
        self.status, self.body = status, body


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def redact(uri: str) -> str:
    """`uri` on one line without `user:password@`, query and fragment: fit for a message."""
    # Up to the last @: a password that nobody percent-encoded may hold any of / @ ? #.
    return re.split(r"[?#\s]", re.sub(r"//.*@", "//", uri, flags=re.DOTALL))[0]


def get_json(url: str, params: dict[str, str], *, auth: str = "", tls: Tls = USUAL) -> Any:
    """What `url` answers. `auth` is the Authorization header. Raises UnreadableError, of which StatusError is one."""
    return _answer(redact(url), *_send("GET", url, auth, tls=tls, fields=params))


def post_json(
    url: str, body: dict[str, Any], *, auth: str = "", tls: Tls = USUAL, media: str = ""
) -> Any:
    """As `get_json`. It is retried as well, so only for calls that do no harm when repeated. `media`: kind of JSON."""
    headers = {"Content-Type": media, "Accept": media} if media else {}
    return _answer(redact(url), *_send("POST", url, auth, headers, tls=tls, json=body))


def get_bytes(url: str, *, auth: str = "", tls: Tls = USUAL) -> bytes:
    """What `url` answers, whatever it is. Raises as `get_json`."""
    status, body = _send("GET", url, auth, tls=tls)
    if status >= 300 or len(body) > MAX_BYTES:
        _answer(redact(url), status, body)
        raise StatusError(redact(url), status, None)
    return body


def put_bytes(url: str, content: bytes, *, auth: str = "", tls: Tls = USUAL) -> None:
    """Put it there; it is retried. Raises as `get_json`."""
    status, body = _send("PUT", url, auth, tls=tls, body=content)
    if status >= 300:
        _answer(redact(url), status, body)
        raise StatusError(redact(url), status, None)


def delete_json(url: str, body: dict[str, Any], *, auth: str = "", tls: Tls = USUAL) -> Any:
    """As `post_json`, with the method DELETE."""
    return _answer(redact(url), *_send("DELETE", url, auth, tls=tls, json=body))


def check_reachable(url: str) -> None:
    """Raises UnreadableError when nobody answers there, or only a proxy that finds nobody behind it (502, 503, 504:
    https://www.rfc-editor.org/rfc/rfc9110#section-15.6); any other answer will do.
    """
    status, _ = _send("HEAD", url, "")
    if status in _NOBODY:
        raise StatusError(redact(url), status, None)


def check_answers_in_json(
    url: str, params: dict[str, str], *, auth: str = "", tls: Tls = USUAL
) -> None:
    """Raises UnreadableError when nobody answers `url`, a server that fails does (500 and above, 429), or something
    else does, such as a login page. What is refused for its credentials is there (401, 403). Redirects are followed,
    without the credentials.
    """
    status, body = _send("GET", url, auth, tls=tls, fields=params, redirect=True)
    if status in (401, 403):
        return
    try:
        _answer(redact(url), status, body)
    except StatusError as error:
        if status >= 500 or status == 429 or error.body is None:
            raise


def _send(
    method: str,
    url: str,
    auth: str,
    headers: dict[str, str] | None = None,
    *,
    tls: Tls = USUAL,
    **content: Any,
) -> tuple[int, bytes]:
    import urllib3  # 60 ms that most commands need not spend

    # Without Retry-After: a server could put us to sleep for hours.
    retries = urllib3.Retry(2, allowed_methods=None, status_forcelist=(429, 500, 502, 503, 504))
    retries = retries.new(respect_retry_after_header=False, raise_on_status=False, backoff_factor=1)
    content |= {"retries": retries, "timeout": urllib3.Timeout(connect=5, read=20)}
    content["headers"] = {**(headers or {}), **({"Authorization": auth} if auth else {})}
    # Redirects are seldom followed and bodies not inflated: nothing leaks, and the limit is honest.
    content = {"redirect": False, **content, "preload_content": False, "decode_content": False}
    with _explained(url), _pool(url, tls) as pool, pool.request(method, url, **content) as response:
        return response.status, _body(url, response)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Whatever the server said, of any status. The names in `headers` are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Session:
    """Many requests to one server over one connection. Nothing is retried: the caller knows what may be repeated."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url = url.rstrip("/")
        self._headers = dict(headers)
        self._pool = _pool(url)

    def send(
        self, method: str, path: str, body: Any = None, *, content: bytes | None = None
    ) -> Answer:
        """`body` goes as JSON, `content` as it is.

        Raises UnreadableError where no answer comes; then nobody knows whether the server did it.
        """
        import urllib3

        url = self.url + path
        options: dict[str, Any] = {"retries": False, "redirect": False, "decode_content": False}
        options |= {"timeout": urllib3.Timeout(connect=5, read=20), "headers": self._headers}
        if content is not None:
            options["headers"] = {**self._headers, "Content-Type": "application/octet-stream"}
        sent = json.dumps(body).encode() if body is not None else content
        with _explained(url):
            response = self._pool.request(method, url, preload_content=False, body=sent, **options)
            with response:
                raw = _body(url, response)
                response.release_conn()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status=response.status, headers=headers, body=raw)


def _body(url: str, response: urllib3.BaseHTTPResponse) -> bytes:
    """At most one byte more than can be taken. Raises UnreadableError where it takes too long."""
    deadline, body = time.monotonic() + _LONGEST_SECONDS, bytearray()
    while len(body) <= MAX_BYTES and (chunk := response.read1(_CHUNK)):
        body += chunk
        if time.monotonic() > deadline:
            raise UnreadableError(
                f"{redact(url)}: the answer takes longer than {_LONGEST_SECONDS} s"
            )
    return bytes(body[: MAX_BYTES + 1])


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """What went wrong on the way, without what urllib3 quotes: headers, and text of the server."""
    import urllib3

    try:
        yield
    except ValueError:  # its text quotes the header
        reason = "the address or the credentials are malformed"
    except urllib3.exceptions.HTTPError as error:
        cause = getattr(error, "reason", error)
        broken = isinstance(cause, urllib3.exceptions.ProtocolError)  # its text quotes the server
        text = re.sub(r"^(<.*?>|\w+\(.*?\)): ", "", str(cause))  # without the connection's repr
        reason = "the connection broke off" if broken else text
    else:
        return
    raise UnreadableError(f"{redact(url)}: {reason}", hint="check the address")


def _pool(url: str, tls: Tls = USUAL) -> urllib3.PoolManager:
    """A pool that goes through the proxy of the environment, where there is one for this host."""
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    import urllib3

    parts, options = urlsplit(url), _verified(tls)
    proxy = getproxies().get(parts.scheme)
    if proxy and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy, **options)
    return urllib3.PoolManager(**options)


def _verified(tls: Tls) -> dict[str, Any]:
    """What urllib3 takes. OpenSSL reads SSL_CERT_FILE and SSL_CERT_DIR itself; the others are what `requests` reads,
    with which the tools of most teams speak: https://requests.readthedocs.io/en/latest/user/advanced/#ssl-cert-verification
    """
    import urllib3

    client: dict[str, Any] = {"cert_file": tls.client} if tls.client else {}
    if tls.insecure:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # it is asked for
        return {**client, "cert_reqs": "CERT_NONE"}
    named = (tls.authority, *map(os.environ.get, ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")))
    authority = next(filter(None, named), "")
    kind = "ca_cert_dir" if os.path.isdir(authority) else "ca_certs"  # noqa: PTH112
    return {**client, **({kind: authority} if authority else {})}


def _answer(where: str, status: int, body: bytes) -> Any:
    if len(body) > MAX_BYTES:
        raise UnreadableError(f"{where} answers with more than {MAX_BYTES >> 20} MiB")
    if 300 <= status < 400:
        raise UnreadableError(f"{where} redirects elsewhere", hint=f"see `curl -sI {where}`")
    answer = None
    with suppress(ValueError, RecursionError):
        answer = json.loads(body)
    if status >= 400:
        raise StatusError(where, status, answer)
    if answer is None:
        raise UnreadableError(f"{where} does not answer in JSON", hint="is there a login page?")
    return answer
