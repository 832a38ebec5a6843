"""The release of a tag: a section in its notes that is ours, and a file beside it. What others wrote there stays.

https://docs.github.com/rest/releases. It is made as a draft and published whole: once published, an immutable release
takes no file.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from mlops_ci.frozen import dataclass
from mlops_ci.github.client import DeniedError, LostError, part

if TYPE_CHECKING:
    from mlops_ci.github.client import Client


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """`key`: of our section. `text`: markdown. `file`, `content`: the asset. `latest`: when it is made here, whether
    GitHub calls it the latest release of the repository.
    """

    tag: str
    title: str
    key: str
    text: str
    file: str
    content: bytes
    latest: bool = False


def find(client: Client, tag: str) -> dict[str, Any] | None:
    """The published release of a tag; None without one."""
    try:
        found: dict[str, Any] = client.get(f"/releases/tags/{part(tag)}")
    except DeniedError as error:
        if error.status != 404:
            raise
        return None
    return found


def project(client: Client, wanted: Wanted) -> tuple[str, str]:
    """Address of the release, and what could not be done to it though nothing failed, or "". It can be repeated."""
    found = find(client, wanted.tag) or _draft(client, wanted.tag) or _create(client, wanted)
    note = _attach(client, found, wanted)
    body = with_section(str(found.get("body") or ""), wanted)
    changed: dict[str, Any] = {"body": body} if body != found.get("body") else {}
    if found["draft"]:
        changed |= {"draft": False, "make_latest": "legacy" if wanted.latest else "false"}
    if changed:
        found = client.patch(f"/releases/{int(found['id'])}", changed)
    return str(found["html_url"]), note


def with_section(body: str, wanted: Wanted) -> str:
    """The notes with our section in its place, or at their end."""
    begin, end = f"<!-- mlops-ci: {wanted.key} -->", f"<!-- /mlops-ci: {wanted.key} -->"
    section = f"{begin}\n{wanted.text.strip()}\n{end}"
    ours = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    # GitHub's own editor writes \r\n.
    body = body.replace("\r\n", "\n")
    if ours.search(body):
        return ours.sub(lambda _: section, body, count=1)
    return f"{body.rstrip()}\n\n{section}".strip()


def _draft(client: Client, tag: str) -> dict[str, Any] | None:
    """Left by a run that ended half-way: drafts are only in the list."""
    drafts = (one for one in client.pages("/releases") if one["draft"] and one["tag_name"] == tag)
    found: dict[str, Any] | None = next(drafts, None)
    return found


def _create(client: Client, wanted: Wanted) -> dict[str, Any]:
    body = {"tag_name": wanted.tag, "name": wanted.title, "draft": True, "body": ""}
    try:
        made: dict[str, Any] = client.post("/releases", body)
    except LostError:
        client.pause()
        there = _draft(client, wanted.tag)
        if there is None:
            raise
        return there
    return made


def _attach(client: Client, release: dict[str, Any], wanted: Wanted) -> str:
    """The file, once, and in place of an older one."""
    digest = f"sha256:{hashlib.sha256(wanted.content).hexdigest()}"
    for one in release["assets"]:
        if one["name"] == wanted.file:
            if one.get("digest") == digest and one["state"] == "uploaded":
                return ""
            if release.get("immutable"):
                return f"the release of {wanted.tag} is immutable: {wanted.file} stays as it was"
            client.delete(f"/releases/assets/{int(one['id'])}")
    if release.get("immutable"):
        return f"the release of {wanted.tag} is immutable: it takes no {wanted.file}"
    _upload(client, release, wanted)
    return ""


def _upload(client: Client, release: dict[str, Any], wanted: Wanted) -> None:
    try:
        client.upload(str(release["upload_url"]), wanted.file, wanted.content)
    except LostError:
        client.pause()
        there = client.pages(f"/releases/{int(release['id'])}/assets")
        if not any(one["name"] == wanted.file and one["state"] == "uploaded" for one in there):
            raise
