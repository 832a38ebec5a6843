"""Random histories of tags, written by git itself, and what the real gto reads in them."""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = 1_700_000_000
MODELS = ("churn", "sub/dir=fraud-model", "a")
STAGES = ("dev", "prod", "1")
VERSIONS = ("v0.0.1", "v0.1.0", "v0.1.0-rc.1", "v0.1.0-rc.11", "v1.0.0", "v1.10.0+build", "v1.9.0")


@dataclass
class History:
    """Annotated tags: name, index of the commit, the tagger's time in seconds after START."""

    tags: list[tuple[str, int, int]] = field(default_factory=list)
    commits: int = 1

    def write(self, folder: Path) -> Path:
        subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
        subprocess.run(
            ["git", "fast-import", "--quiet"], cwd=folder, input=self._stream(), check=True
        )
        return folder

    def _stream(self) -> bytes:
        who = "Ada <ada@example.com>"
        parts = [
            f"commit refs/heads/main\nmark :{number + 1}\n"
            f"committer {who} {START - 9000 + number} +0000\ndata 1\nx\n"
            for number in range(self.commits)
        ]
        parts += [
            f"tag {name}\nfrom :{commit + 1}\ntagger {who} {START + time} +0000\ndata 5\nhello\n"
            for name, commit, time in self.tags
        ]
        return "".join([*parts, "done\n"]).encode()


def generate(seed: int) -> History:
    """Registrations, assignments and what takes them back, at times that often collide.

    Not here: what GTO fails on or forgets, which has tests of its own.
    """
    chance = random.Random(seed)
    history = History(commits=chance.randint(1, 8))
    for model in MODELS[: chance.randint(1, len(MODELS))]:
        history.tags += _of_model(chance, model, history.commits)
    return history


def _of_model(chance: random.Random, model: str, commits: int) -> Iterator[tuple[str, int, int]]:
    places = chance.sample(range(commits), k=chance.randint(1, commits))
    versions = dict(zip(chance.sample(VERSIONS, k=len(VERSIONS)), places, strict=False))
    registered = set(chance.sample(sorted(versions), k=chance.randint(0, len(versions))))
    clock, seen = 0, set()
    for number in range(chance.randint(1, 20)):
        clock += chance.choice((0, 0, 1, 5, -3))
        version, place = chance.choice([*versions.items()])
        if version not in registered:
            yield f"{model}#{chance.choice(STAGES)}#{100 + number}", place, clock
            continue
        if f"{model}@{version}" not in seen:
            seen.add(f"{model}@{version}")
            yield f"{model}@{version}", place, clock + chance.choice((0, 3))
        stage = chance.choice(STAGES)
        name = chance.choices(
            (f"@{version}", f"@{version}!", f"#{stage}", f"#{stage}!", "@deprecated"),
            weights=(8, 2, 9, 3, 0.3),
        )[0]
        counted = name.startswith("#") or f"{model}{name}" in seen
        tag = f"{model}{name}#{number}" if counted else f"{model}{name}"
        if tag not in seen:
            seen.add(tag)
            yield tag, place, clock


def by_gto(folder: Path) -> dict[str, tuple[list[str], dict[str, tuple[str, str]]]]:
    """Per model that is not deprecated: its versions, and the version and commit that hold each stage."""
    from gto.constants import VersionSort
    from gto.registry import GitRegistry

    with GitRegistry.from_url(str(folder)) as registry:
        return {
            name: (
                [one.version for one in artifact.get_versions(sort=VersionSort.SemVer)],
                {
                    stage: (holders[0].version, holders[0].commit_hexsha)
                    for stage, holders in artifact.get_vstages(sort=VersionSort.Timestamp).items()
                },
            )
            for name, artifact in registry.get_state().get_artifacts().items()
            if artifact.is_active
        }
