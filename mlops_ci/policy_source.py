"""Where the Policy of a verdict is read, and the comparison as that says it is to be made."""

from __future__ import annotations

import posixpath
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_ci import config as configuration
from mlops_ci.config import Config
from mlops_ci.diff import diff
from mlops_ci.errors import ConfigError, UnreadableError, UsageError
from mlops_ci.frozen import dataclass
from mlops_ci.gates import policy_of
from mlops_ci.git.tree import CommitTree

if TYPE_CHECKING:
    from mlops_ci.diff import Request
    from mlops_ci.git import Repository
    from mlops_ci.model import Comparison


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the Policy is read. `files`: what it was read from, by path from the root of the repository."""

    rev: str
    config: Config | None
    path: str = ""
    files: dict[str, bytes] = field(default_factory=dict)


def source_of(
    request: Request, own: Config | None, repository: Repository, rev: str, policy_rev: str | None
) -> Source:
    if request.config is None:
        return _read(repository, rev, configuration.FILE)
    if policy_rev is None:
        return Source(rev=str(request.config), config=own)
    root = repository.root or repository.git_dir
    try:
        path = request.config.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        raise UsageError(
            f"{request.config} is outside of this repository: there is none at {policy_rev}",
            hint="give --config or --policy, not both",
        ) from None
    return _read(repository, rev, path)


def _read(repository: Repository, rev: str, path: str) -> Source:
    """Raises ConfigError, one line that names the revision."""
    commit = repository.commit(rev).oid
    tree = CommitTree(repository, commit)
    folder, name = posixpath.split(path)
    files: dict[str, bytes] = {}

    def read(below: str) -> bytes | None:
        place = posixpath.normpath(posixpath.join(folder, below))
        content = tree.read(place)
        if content is not None:
            files[place] = content
        return content

    try:
        config = configuration.load(read, name)
    except (ConfigError, UnreadableError) as error:
        lines = str(error).splitlines()
        more = f" (and {len(lines) - 2} more)" if lines[2:] else ""
        raise ConfigError(
            f"the gates at {commit[:7]} cannot be read: {'; '.join(lines[:2])}{more}",
            hint="mend them there; --policy REV reads them elsewhere",
        ) from error
    return Source(rev=commit, config=config, path=path, files=files)


def is_gated(config: Config | None) -> bool:
    return config is not None and any(
        policy_of(config, name, rev="").judges for name in ("", *config.models)
    )


def _measuring(config: Config | None) -> tuple[Any, ...]:
    """What of a config decides which numbers are compared, and which way is better."""
    config = config or Config()
    models = {name: replace(model, gates=[]) for name, model in config.models.items()}
    return models, config.metrics, config.mlflow, config.slice_columns, config.asks_records


def remeasured(
    comparison: Comparison, source: Source, own: Config | None, request: Request
) -> Comparison:
    """The comparison by the Policy's config, where that measures otherwise than the change's own."""
    if source.files and is_gated(source.config) and _measuring(own) != _measuring(source.config):
        return _with(_measured_as(source, request), comparison, request.models)
    return comparison


def _measured_as(source: Source, request: Request) -> Comparison | None:
    """The comparison as the Policy's config says: else a change could point a gate at better numbers.

    None: by that config there is nothing to compare.
    """
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for path, content in source.files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        config = Path(folder, source.path)
        try:
            return diff(replace(request, config=config, models=()))
        except ConfigError:
            raise
        except UsageError:
            return None


def _with(found: Comparison | None, own: Comparison, wanted: tuple[str, ...]) -> Comparison:
    """The models that only the change knows are shown, and judged, beside those that its base knows."""
    if found is None:
        return own
    known = {model.model for model in found.models}
    models = [*found.models, *(model for model in own.models if model.model not in known)]
    chosen = [model for model in models if not wanted or model.model in wanted]
    return replace(found, models=tuple(sorted(chosen, key=lambda model: model.model)))
