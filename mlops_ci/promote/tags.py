"""The tags of a repository that ask for something, with what stands behind each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError
from mlops_ci.frozen import dataclass
from mlops_ci.promote import grammar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.git import Repository

_FIELDS = (
    "refname:lstrip=2",
    "objecttype",
    "objectname",
    "*objecttype",
    "*objectname",
    "taggerdate:unix",
    "taggername",
    "taggeremail:trim",
    "tag",
    "contents",
)
# 9999-12-31T23:59:59Z, where calendars end; anybody can write a tag of any time.
LAST_TIME = 253_402_300_799
_FORMAT = "%00".join(f"%({field})" for field in _FIELDS) + "%00"


@dataclass(frozen=True, kw_only=True)
class Tag:
    """One tag. `oid` is the tag object's, `commit` what it points to; `problem` says why it does not count, or "".

    `time` is the tagger's clock in seconds since 1970: the only order that tags have. 0 for a lightweight tag.
    """

    request: grammar.Request
    name: str
    oid: str
    commit: str
    time: int
    author: str
    email: str
    message: str
    problem: str = ""


def read(repository: Repository) -> list[Tag]:
    """All tags whose names ask for something, oldest first, and by name within one second.

    Raises ToolError when git cannot list them.
    """
    tags = [tag for fields in _records(repository) if (tag := _tag(fields))]
    return sorted(tags, key=lambda tag: tag.time)


def _records(repository: Repository) -> Iterator[list[str]]:
    done = repository.git("for-each-ref", f"--format={_FORMAT}", "refs/tags")
    if done.returncode:
        raise ToolError(f"git for-each-ref: {done.last_line}")
    cells = done.stdout.decode(errors="replace").split("\0")
    width = len(_FIELDS)
    for start in range(0, len(cells) - width, width):
        # git ends each record with a line feed, which is then in front of the next one.
        yield [cells[start].lstrip("\n"), *cells[start + 1 : start + width]]


def _tag(fields: list[str]) -> Tag | None:
    name, kind, oid, target_kind, target, seconds, author, email, own, message = fields
    request = grammar.parse(name)
    if request is None:
        return None
    annotated = kind == "tag"
    return Tag(
        request=request,
        name=name,
        oid=oid,
        commit=target if annotated else oid,
        time=int(seconds or 0),
        author=author,
        email=email,
        message=message.strip(),
        problem=_problem(request, target_kind if annotated else "", seconds)
        or _copied(request, name, own),
    )


def _copied(request: grammar.Request, name: str, own: str) -> str:
    """`git tag NEW OLD` gives the object of a tag a second name. A Promotion answers one request, by that object."""
    if request.stage and own != name:
        return f"is the tag {own} by another name, not one of its own: git tag -a makes one"
    return ""


def _problem(request: grammar.Request, target: str, seconds: str) -> str:
    if not target:
        # actions/checkout before 6.0.2 flattens the tag it was started by:
        # https://github.com/actions/checkout/issues/290
        return "is lightweight: it has no tagger and no time"
    if target != "commit":
        return f"points to a {target}, not to a commit"
    if not seconds:
        return "has no tagger and no time"
    if int(seconds) > LAST_TIME:
        return "has a time after the year 9999"
    if request.kind == "reserved":
        return "is a name that GTO reserves and then fails on"
    return ""
