"""Where results go after a run: data to the DVC remote, and dvc.lock with what else of them is in Git to the branch."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from mlops_ci.errors import MlopsCiError, PublishError
from mlops_ci.git.tree import CommitTree
from mlops_ci.process import environment_outside_git, run
from mlops_ci.stack.data.dvc.cloud import NoRemoteError, Object, not_on_remote
from mlops_ci.text import plural, shell_word, visible
from mlops_ci.train import dirt, gitignore, remotes
from mlops_ci.train.data import run_dvc
from mlops_ci.train.place import Place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from mlops_ci.lineage.run import TrainingRun
    from mlops_ci.train.output import Output
    from mlops_ci.train_config import Persist

_SECONDS = 120
# https://github.com/actions/checkout#push-a-commit-using-the-built-in-token
_PERSON = {
    "NAME": "github-actions[bot]",
    "EMAIL": "41898282+github-actions[bot]@users.noreply.github.com",
}


def check(place: Place, persist: Persist, dirty: Collection[str]) -> None:
    """Before a run: what is known to stand in the way of its results. Raises PublishError."""
    if persist == "push" and not place.project.pipelines:
        raise PublishError(
            "results are to be pushed, and there is no dvc.yaml that makes any: nothing would be",
            hint="mlops-ci train --persist commit, for what is in Git, or --persist none",
        )
    made_in = {place.project.root_of(pipeline.path) for pipeline in place.project.pipelines}
    if persist != "none" and not all(_has_default_remote(place, root) for root in made_in):
        raise PublishError(
            "results are to be pushed, and DVC has no default remote",
            hint="dvc remote add --default NAME URL, or: mlops-ci train --persist none",
        )
    if persist == "commit":
        _branch(place)
        _refuse_dirty(dirty)


def _has_default_remote(place: Place, root: str) -> bool:
    """It may also stand in the config of the user or the machine, of which only DVC knows where it is."""
    if remotes.default_url(place.root / root / ".dvc"):
        return True
    command = [place.dvc or "dvc", "config", "core.remote"]
    return bool(run(command, cwd=place.root / root, timeout=_SECONDS).stdout.strip())


def _refuse_dirty(dirty: Collection[str]) -> None:
    if dirty:
        are = "is" if len(dirty) == 1 else "are"
        raise PublishError(
            f"{plural(len(dirty), 'file')} that the run reads {are} not committed: a commit of its results would be "
            "of something else",
            hint="git add and git commit, or: mlops-ci train --persist none",
        )


def push(root: Path, dvc: str | None, output: Output) -> None:
    """Every output to the remote, and the remote asked whether it has them. Raises PublishError when it has not."""
    place = Place(root)
    if dvc is None:
        raise PublishError(
            "there is no dvc to push data with", hint="train.persist: none, in mlops-ci.yaml"
        )
    with remotes.project(place) as folder:
        for inner in place.project.roots:
            output.say(f"pushing data{f' of {visible(inner)}' if inner else ''}")
            error = run_dvc([dvc, "push", "--run-cache"], folder / inner, output)
            if error:
                hint = remotes.way_out(place) or "dvc push -v"
                raise PublishError(f"data cannot be pushed: {error}", hint=hint)
            _ask(place, dvc, inner, folder / inner / ".dvc")


def _ask(place: Place, dvc: str, inner: str, dvc_folder: Path) -> None:
    objects = {
        Object(
            md5=out.hash, legacy=out.legacy, remote=one.stage.remotes.get(out.path, "")
        ): out.path
        for one in place.project.stages
        for out in (one.record.outs if one.record else ())
        if out.hash and out.path not in one.stage.uncached | one.stage.unpushed
        if place.project.root_of(out.path) == inner
    }
    try:
        absent = not_on_remote(dvc, dvc_folder, place.project.cache, objects)
    except NoRemoteError as error:
        raise PublishError(str(error), hint=error.hint) from error
    except MlopsCiError as error:
        raise PublishError(f"whether the data has arrived is not known: {error}") from error
    if absent:
        paths = " ".join(shell_word(objects[one]) for one in absent)
        raise PublishError(f"the remote has not got {paths}", hint=f"dvc push {paths}")


def commit(root: Path, done: TrainingRun, output: Output) -> None:
    """What of the results is in Git, as a commit on the branch, there and at origin. Nothing is forced."""
    place = Place(root)
    branch = _branch(place)
    _refuse_dirty(done.dirty)
    paths = _results(place)
    if paths:
        _git(place, "add", "--", *paths)
        ran = ", ".join(visible(one.name) for one in done.stages if one.result == "ran")
        wrote = Place(root).tree.blobs(paths)
        _git(place, "commit", "--quiet", "--only", "-m", f"Train {ran or 'again'}", "--", *paths)
        committed = Place(root)
        _refuse_other(wrote, CommitTree(committed.repository, committed.head).blobs(paths))
        output.say(f"committed {', '.join(map(visible, paths))}")
    else:
        output.say("the results are those that are committed")
    # Also then: an earlier run may have committed what it could not push.
    _git(place, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
    output.say(f"pushed to {visible(branch)}")


def _refuse_other(wrote: dict[str, str], committed: dict[str, str]) -> None:
    """A hook may write into what is committed. The Record is of what the run wrote."""
    other = sorted(path for path in wrote | committed if wrote.get(path) != committed.get(path))
    if other:
        raise PublishError(
            f"a Git hook has changed what is committed of {', '.join(map(visible, other))}: that is not what the run "
            "wrote; nothing is pushed",
            hint="git reset HEAD~ && git status, and let the hook leave these files alone",
        )


def _branch(place: Place) -> str:
    """A detached HEAD is often GitHub's test merge, which is nobody's branch."""
    found = place.repository.git("symbolic-ref", "--quiet", "--short", "HEAD")
    if found.returncode:
        raise PublishError(
            "HEAD is on no branch that results could be committed to",
            hint="git switch BRANCH (in GitHub Actions: actions/checkout with ref: ${{ github.head_ref }})",
        )
    return found.stdout.decode("utf-8", "replace").strip()


def _results(place: Place) -> list[str]:
    settings = place.config.train
    more = (*settings.outputs, *settings.metrics, settings.seed_metrics)
    found = dirt.find(place.tree, place.project, more).results
    changed = set(found) - gitignore.stray(place).keys()
    # DVC adds outputs to the .gitignore beside them.
    folders = {posixpath.dirname(path) for one in place.project.stages for path in one.stage.outs}
    ignores = {posixpath.join(folder, ".gitignore") for folder in folders}
    return sorted(changed | (ignores & place.tree.status.keys()))


def _git(place: Place, *arguments: str) -> None:
    plain = {"GIT_TERMINAL_PROMPT": "0", "GIT_LITERAL_PATHSPECS": "1"}  # a name is no pattern
    env = environment_outside_git(**plain, **_identity(place))
    done = run(["git", *arguments], cwd=place.root, env=env, timeout=_SECONDS)
    if done.returncode:
        raise PublishError(
            f"git {arguments[0]}: {_reason(done.stderr.splitlines()) or done.last_line}",
            hint=_hint(arguments[0], done.stderr),
        )


def _hint(command: str, said: str) -> str:
    if command != "push":
        return "git status"
    if "non-fast-forward" in said or "fetch first" in said:
        return "git pull --rebase && mlops-ci train"
    return "mlops-ci train --persist push, and dvc.lock in a pull request, where nobody may push to the branch"


def _reason(lines: Iterable[str]) -> str:
    """The line that says why, before the hints of Git."""
    marks = ("! [", "remote: error", "fatal:", "error:")
    return next((line.strip() for line in lines if line.strip().startswith(marks)), "")


def _identity(place: Place) -> dict[str, str]:
    """Who commits: as Git is configured, else the bot of GitHub's own token."""
    known = place.repository.git("config", "user.email").returncode == 0
    if known or "GIT_AUTHOR_EMAIL" in os.environ:
        return {}
    return {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in _PERSON.items()
    }
