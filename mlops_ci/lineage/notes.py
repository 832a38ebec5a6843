"""Records as Git notes, `refs/notes/mlops-ci`: one JSON line a Statement, on the commit where the run began.

Lines are only ever added, so the notes of two clones merge by joining their lines (`cat_sort_uniq`).
https://git-scm.com/docs/git-notes
"""

from __future__ import annotations

import os
import random
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError, UnreadableError
from mlops_ci.http import redact
from mlops_ci.lineage.statement import MAX_BYTES, Statement, decode, encode
from mlops_ci.process import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlops_ci.git import Repository
    from mlops_ci.process import Result

REF = "refs/notes/mlops-ci"
# What the remote had when it was last asked.
FETCHED = "refs/notes/mlops-ci-fetched"
# As a pattern: a remote without notes is no error, and what is gone there is pruned here.
FETCH = f"+{REF}*:{FETCHED}*"
# Somebody else may write at the same time; what is lost then is written again, after a pause of up to so many seconds.
_ATTEMPTS = 30
_PAUSE = 1.0
# What git says then: that of the clone, or that of the remote while another push is under way.
_RACES = ("fetch first", "non-fast-forward", "cannot lock ref", "failed to update ref")

_AMBIGUOUS = "matches more than one"


def read(repository: Repository, commit: str) -> list[Statement]:
    """The Statements in the note of a commit; none without a note. Raises UnreadableError for another's note."""
    content = _content(repository, commit, REF)
    return decode(content, f"the note of {commit[:7]}") if content else []


def statements(
    repository: Repository, ref: str = REF, about: str = ""
) -> Iterator[tuple[str, Statement]]:
    """All that the notes say, with the id of what each is a note of. A note that is no Record counts for nothing.

    `about`: only of notes that have this text, which is far faster than to read them all.
    """
    blobs = _blobs(repository, ref)
    repository.objects.expect(set(blobs.values()), MAX_BYTES)
    for oid, blob in blobs.items():
        content = repository.objects.known.get(blob, b"")
        for statement in _statements(content) if about.encode() in content else ():
            yield oid, statement


def _blobs(repository: Repository, ref: str) -> dict[str, str]:
    """The blob of each note by what it is a note of. Git spreads many notes over folders `ab/cdef…`."""
    done = repository.git("ls-tree", "-r", "-z", ref)
    entries = done.stdout.decode(errors="replace").split("\0")[:-1]
    split = (entry.partition("\t") for entry in entries)
    return {path.replace("/", ""): meta.split(" ")[2] for meta, _, path in split}


def _statements(content: bytes) -> list[Statement]:
    try:
        return decode(content, "note")
    except UnreadableError:
        return []


def add(repository: Repository, commit: str, statements: list[Statement]) -> bool:
    """Add the lines that the note does not have yet; False when it has them all. What others wrote stays."""
    return add_all(repository, {commit: statements})


def add_all(repository: Repository, statements: Mapping[str, list[Statement]]) -> bool:
    """As `add`, by commit or tag: all of them or none."""
    return bool(statements) and _change(
        repository, lambda draft: _add_all(repository, draft, statements)
    )


def _add_all(repository: Repository, draft: str, statements: Mapping[str, list[Statement]]) -> None:
    for commit, own in statements.items():
        if repository.find(commit) is None:
            what = f"commit {commit[:7]} is not in this clone: it can have no note"
            raise ToolError(what, hint=f"git fetch origin {commit}")
        _add(repository, draft, commit, {encode(one) for one in own})


def _add(repository: Repository, draft: str, commit: str, wanted: set[str]) -> None:
    there = _lines(repository, commit, draft)
    if not wanted <= set(there):
        content = "".join(f"{line}\n" for line in sorted({*there, *wanted})).encode()
        _git(repository, "notes", f"--ref={draft}", "add", "-fF-", commit, stdin=content)


def push(
    repository: Repository,
    remote: str,
    statements: Mapping[str, list[Statement]] | None = None,
    *,
    refs: Sequence[str] = (),
    joined: Callable[[], None] | None = None,
) -> None:
    """Send the notes, joined with what the remote has besides; `refs` go with them, or nothing goes.

    `statements`: as for `add_all`. They are in the notes of this clone only once the remote has them: what ends
    half-way leaves nothing that a later push would take along. `joined`: called whenever others wrote meanwhile,
    before this is sent again; what it raises ends this.
    """
    done = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            join(repository, remote)
            if joined:
                joined()
        before, tip = _with(repository, statements or {})
        sent = [*(f"{ref}:{ref}" for ref in refs), f"{tip or REF}:{REF}"]
        done = _git(repository, "push", "--quiet", "--atomic", remote, *sent, check=False)
        if done.returncode == 0:
            _git(repository, "update-ref", FETCHED, tip)
            command = ("update-ref", REF, tip, before or "0" * len(tip))
            if _git(repository, *command, check=False).returncode:
                merge_fetched(repository)  # another process has written here
            return
        if not any(words in done.stderr for words in _RACES):
            break
        if attempt:
            time.sleep(random.uniform(0, _PAUSE))  # noqa: S311 - no secret
    assert done is not None
    what = f"{shown(remote)} does not take the notes: {done.words_of_git}"
    # A tag there that is called so too: GitHub takes none that begins with refs/.
    wanted = f":refs/tags/{REF}" if _AMBIGUOUS in done.stderr else REF
    raise ToolError(what, hint=f"git push {shown(remote)} {wanted}")


def _with(repository: Repository, statements: Mapping[str, list[Statement]]) -> tuple[str, str]:
    """The commit of the notes, and that of the notes with these besides; "" where there are none."""
    with _draft(repository) as (draft, before):
        _add_all(repository, draft, statements)
        return before, _tip(repository, draft)


def shown(remote: str) -> str:
    """Name or address of a remote as it may be printed: without a password."""
    return redact(remote) if "://" in remote else remote


def join(repository: Repository, remote: str) -> None:
    """Bring the notes of the remote, and keep those that are only here."""
    _git(repository, "fetch", "--quiet", "--no-tags", "--prune", remote, FETCH)
    merge_fetched(repository)


def merge_fetched(repository: Repository) -> None:
    """As `join`, with the notes that were fetched by `FETCH`."""
    there = _tip(repository, FETCHED)
    known = ("merge-base", "--is-ancestor", FETCHED, REF)
    if not there or _git(repository, *known, check=False).returncode == 0:
        return
    merge = ("merge", "-q", "-s", "cat_sort_uniq", FETCHED)
    _change(repository, lambda draft: _git(repository, "notes", f"--ref={draft}", *merge))


def _change(repository: Repository, write: Callable[[str], object]) -> bool:
    """Whether `write` changed anything. It works on a draft, which replaces only what it was made from."""
    for _ in range(_ATTEMPTS):
        with _draft(repository) as (draft, before):
            write(draft)
            after = _tip(repository, draft)
        command = ("update-ref", REF, after, before or "0" * len(after))
        if after == before or _git(repository, *command, check=False).returncode == 0:
            return after != before
    raise ToolError(f"others write {REF} again and again", hint="run this again")


@contextmanager
def _draft(repository: Repository) -> Iterator[tuple[str, str]]:
    """A ref of its own with what the notes have, and the commit of that; "" where there are none."""
    draft = f"refs/notes/mlops-ci-draft-{uuid.uuid4().hex}"
    before = _tip(repository, REF)
    try:
        if before:
            _git(repository, "update-ref", draft, before)
        yield draft, before
    finally:
        _git(repository, "update-ref", "-d", draft, check=False)


def _tip(repository: Repository, ref: str) -> str:
    found = _git(repository, "rev-parse", "--quiet", "--verify", ref, check=False)
    return found.stdout.decode("ascii", "replace").strip()


def _lines(repository: Repository, commit: str, ref: str) -> list[str]:
    content = _content(repository, commit, ref)
    try:
        return [line for line in content.decode("utf-8").splitlines() if line]
    except UnicodeDecodeError:
        raise UnreadableError(
            f"the note of {commit[:7]} is not text", hint=f"git notes --ref={REF} show {commit}"
        ) from None


def _content(repository: Repository, commit: str, ref: str) -> bytes:
    done = _git(repository, "notes", f"--ref={ref}", "show", commit, check=False)
    return done.stdout if done.returncode == 0 else b""


def _git(repository: Repository, *arguments: str, stdin: bytes = b"", check: bool = True) -> Result:
    folder = repository.folder
    command = ["git", *arguments]
    environ = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}  # what git says is read
    if arguments[0] == "notes":
        environ |= writer(repository)
    done = run(command, cwd=folder, stdin=stdin, env=environ)
    if check and done.returncode:
        raise ToolError(
            f"git {arguments[0]}: {done.words_of_git}", hint=f"git notes --ref={REF} list"
        )
    return done


def writer(repository: Repository) -> dict[str, str]:
    """Who writes, as variables for git: on a build machine nobody has said. In GitHub Actions, who started the run."""
    if repository.git("var", "GIT_COMMITTER_IDENT").returncode == 0:
        return {}
    actor = os.environ.get("GITHUB_ACTOR", "")
    name = actor or "mlops-ci"
    email = f"{actor}@users.noreply.github.com" if actor else "mlops-ci@localhost"
    who = ("AUTHOR", "COMMITTER")
    names = {f"GIT_{one}_NAME": name for one in who}
    return {**names, **{f"GIT_{one}_EMAIL": email for one in who}}
