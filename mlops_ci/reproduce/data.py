"""The data that a pipeline reads, fetched into a clean clone, and hashed: a remote can hand out other bytes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from mlops_ci.errors import ToolError
from mlops_ci.process import environment_outside_git, run
from mlops_ci.reproduce.outputs import touches
from mlops_ci.text import shell_word, size, visible
from mlops_ci.train.data import different

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_ci.stack.data.dvc import Out, Project
    from mlops_ci.train.output import Output
    from mlops_ci.train.place import Place
    from mlops_ci.train_config import TrainConfig

# Room for what the run writes beside what it reads.
_ROOM = 2
_SECONDS = 24 * 3600.0


def needed(project: Project, settings: TrainConfig | None = None) -> dict[str, list[Out]]:
    """What `dvc pull` has to bring: `.dvc` files that the stages read, and frozen stages, with their outputs.

    `settings`: of a training by a command, which reads its inputs, or all where it names none.
    """
    deps = {path for one in project.stages for path in one.stage.deps}
    if settings is not None and settings.command is not None:
        deps = {path.rstrip("/") for path in settings.inputs} or set(project.pointers)
    found: dict[str, list[Out]] = {}
    for file, outs in project.pointer_files.items():
        wanted = [out for out in outs if out.cached and any(touches(out.path, d) for d in deps)]
        if wanted:
            found[file] = wanted
    for one in project.stages:
        if one.stage.frozen and one.record:
            cached = [out for out in one.record.outs if out.path not in one.stage.uncached]
            found[f"{one.pipeline.path}:{one.stage.name}"] = cached
    return found


def fetch(
    place: Place,
    dvc: str | None,
    folder: Path,
    output: Output,
    settings: TrainConfig | None = None,
) -> int:
    """How many bytes were fetched. Raises ToolError where data is missing, damaged, or does not fit on the disk."""
    wanted = needed(place.project, settings)
    if not wanted:
        return 0
    outs = [out for one in wanted.values() for out in one]
    total = sum(out.size or 0 for out in outs)
    free = shutil.disk_usage(folder).free
    output.say(f"data: {size(total)} to fetch, {size(free)} free on the disk")
    if total * _ROOM > free:
        what = f"{size(total)} of data do not fit twice into the {size(free)} that are free"
        raise ToolError(what, hint="free some of the disk, or set TMPDIR to a larger one")
    if dvc is None:
        raise ToolError("the data is in DVC and dvc is not installed", hint="pip install dvc")
    by_root: dict[str, list[str]] = {}
    for file in wanted:
        by_root.setdefault(place.project.root_of(file), []).append(file)
    for root, files in by_root.items():
        pull(place.root, dvc, root, files)
    _verify(place, outs)
    return total


def pull(root: Path, dvc: str, dvc_root: str, files: list[str]) -> None:
    """`files` of one DVC repository; all that it has without any. Raises ToolError with DVC's reason."""
    names = [file.removeprefix(f"{dvc_root}/") if dvc_root else file for file in files]
    env = environment_outside_git(DVC_NO_ANALYTICS="1")
    command = [dvc, "pull", "--quiet", "--", *names]
    done = run(command, cwd=root / dvc_root, env=env, timeout=_SECONDS)
    if done.returncode:
        reason = _reason(done.stderr) or f"exit code {done.returncode}"
        shown = " ".join(map(shell_word, names[:3]))
        what = f"the data of this revision cannot be had: {reason}"
        raise ToolError(what, hint=f"where the data is: dvc push {shown}")


def _reason(stderr: str) -> str:
    """DVC's error, and the files that it lists below it."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    start = next((n for n, line in enumerate(lines) if line.startswith("ERROR:")), None)
    if start is None:
        return visible(lines[-1], 300) if lines else ""
    told = [line for line in lines[start : start + 4] if not line.startswith(("Is your", "<http"))]
    return visible(" ".join(told).removeprefix("ERROR:").strip(), 300)


def _verify(place: Place, outs: list[Out]) -> None:
    wrong = different(place.root, place.project, {out.path: out for out in outs})
    for path, now in sorted(wrong.items()):
        recorded = next(out.hash for out in outs if out.path == path)
        what = f"{visible(path)}: the remote has other bytes than DVC recorded: {visible(now)}, recorded is {recorded}"
        raise ToolError(what, hint="push the right ones from where they are: dvc push --force")
