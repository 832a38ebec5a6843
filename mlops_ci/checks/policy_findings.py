"""What is wrong with a mlops-ci.yaml that can be loaded, for policy_valid.py."""

from __future__ import annotations

import fnmatch
import posixpath
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

from mlops_ci import config as configuration
from mlops_ci import formats, yaml
from mlops_ci.checks import catalog
from mlops_ci.directions import RECORDED
from mlops_ci.errors import ConfigError, UnreadableError
from mlops_ci.finding import Finding
from mlops_ci.gates import rules
from mlops_ci.gates.loosened_config import in_config
from mlops_ci.predictions import LEAK
from mlops_ci.stack.data import dvc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_ci.checks.base import Scope
    from mlops_ci.config import Config
    from mlops_ci.gate_config import GateConfig
    from mlops_ci.git.tree import Tree

ID, FILE = "policy-valid", configuration.FILE


def find(
    scope: Scope, config: Config, read: dict[str, bytes], today: date | None
) -> Iterator[Finding]:
    """`read`: the files that the config was loaded from."""
    places = _Places(read)
    yield from _metrics(scope.tree, config, places)
    yield from _waivers(config, places, today or datetime.now(timezone.utc).date())
    yield from _loosened(scope, config)


@dataclass
class _Places:
    """Where the entries of lists are."""

    files: dict[str, bytes]

    def of(self, path: str, *keys: Any) -> dict[str, Any]:
        content = self.files.get(path, b"").decode("utf-8-sig", "replace")
        line, column = yaml.load_marked(content, path)[1].get(keys, (0, 0))
        return {"path": path, "line": line, "column": column}


def _gates(config: Config, places: _Places) -> Iterator[tuple[GateConfig, dict[str, Any]]]:
    raw = yaml.load(places.files[FILE].decode("utf-8-sig"), FILE) or {}
    for number, gate in enumerate(config.gates):
        yield gate, places.of(FILE, "gates", number)
    for name, model in config.models.items():
        entry = (raw.get("models") or {}).get(name) or {}
        include = entry.get("include") if isinstance(entry, dict) else None
        for number, gate in enumerate(model.gates):
            if include:
                yield gate, places.of(posixpath.normpath(include), "gates", number)
            else:
                yield gate, places.of(FILE, "models", name, "gates", number)


def _metrics(tree: Tree, config: Config, places: _Places) -> Iterator[Finding]:
    gates = list(_gates(config, places))
    if not gates:
        return
    known, unread = _known(tree, config)
    settings = {**config.metrics}
    for model in config.models.values():
        settings |= model.metrics
    for gate, place in gates:
        for name in gate.metrics:
            if not _is_there(rules.names_of(name, settings), known | set(RECORDED)):
                yield _unwritten(gate, name, known, unread, place)


def _is_there(names: list[str], known: set[str]) -> bool:
    return any(name in known or fnmatch.filter(known, name) for name in names)


def _unwritten(
    gate: GateConfig, name: str, known: set[str], unread: list[str], place: dict[str, Any]
) -> Finding:
    if unread or not known:
        where = f"{', '.join(unread[:3])} cannot be read from Git" if unread else "there are none"
        return Finding(
            rule=f"{ID}/metric",
            what=f"gate {gate.id}: whether a stage writes {name} cannot be told from metrics in Git: {where}",
            fix="mlops-ci gate --policy HEAD",
            level="note",
            **place,
        )
    meant = rules.meant(name, sorted(known | set(RECORDED)))
    proposal = f", did you mean {meant}?" if meant else ""
    return Finding(
        rule=f"{ID}/metric",
        what=f"gate {gate.id}: no metrics file has {name}{proposal}",
        why="A gate on a metric that is not there fails every change, or judges nothing.",
        fix=f"metric: {meant}" if meant else "mlops-ci diff --all lists what there is",
        level="error" if gate.on_missing_metric in (None, "fail") else "warning",
        **place,
    )


def _known(tree: Tree, config: Config) -> tuple[set[str], list[str]]:
    """The names in all metrics files that are in Git, and the files that are not, or cannot be read."""
    names: set[str] = set()
    unread = []
    project = dvc.Project(tree, [])
    if config.mlflow.tracking_uri or any(m.mlflow.tracking_uri for m in config.models.values()):
        unread.append("MLflow")
    for path in sorted(_files(project, config)):
        try:
            for file in project.expand(path):
                content = tree.read(file)
                if content is None:
                    unread.append(file)
                else:
                    names |= {name for name, _ in formats.flatten(formats.parse(file, content))}
        except UnreadableError:
            unread.append(path)
    return names, unread


def _files(project: dvc.Project, config: Config) -> set[str]:
    declared = {path for pipeline in project.pipelines for path in pipeline.metrics}
    declared |= {path for locked in project.stages for path in locked.stage.metrics}
    for model in config.models.values():
        for pattern in model.metrics_files:
            wanted = posixpath.normpath(posixpath.join(model.path, pattern))
            declared |= set(fnmatch.filter(project.tree.entries, wanted)) or {wanted}
    return declared


def _waivers(config: Config, places: _Places, today: date) -> Iterator[Finding]:
    ids = {gate.id for gate, _ in _gates(config, places)} | {LEAK}
    waivable = catalog.rules()
    for number, one in enumerate(config.waivers):
        place = places.of(FILE, "waivers", number)
        if one.days(today) < 0:
            yield Finding(
                rule=f"{ID}/expired",
                what=f"the waiver of {one.gate or one.rule} expired {one.expires}",
                why="It covers nothing any more; what it accepted fails again.",
                fix="remove it, or have an owner give it a new day",
                **place,
            )
        if one.gate and one.gate not in ids:
            yield _names_nothing("gate", one.gate, ids, place)
        if one.rule and one.rule not in waivable:
            check = one.rule.partition("/")[0]
            kind, name = ("rule", one.rule) if check in waivable else ("check", check)
            yield _names_nothing(kind, name, waivable, place)


def _names_nothing(kind: str, name: str, known: set[str], place: dict[str, Any]) -> Finding:
    meant = rules.meant(name, sorted(known))
    proposal = f", did you mean {meant}?" if meant else ""
    return Finding(
        rule=f"{ID}/waiver",
        what=f"there is no {kind} {name} to waive{proposal}",
        why="A waiver that names nothing covers nothing.",
        fix=f"remove it, or name a {kind} that is there",
        **place,
    )


def _loosened(scope: Scope, config: Config) -> Iterator[Finding]:
    if scope.base is None:
        return
    try:
        before = configuration.load(scope.base.read)
    except (ConfigError, UnreadableError):
        return  # it judged nothing before
    if before is None:
        return
    models = sorted({"", *before.models, *config.models})
    everything = [one for model in models for one in in_config(before, config, model)]
    for found in dict.fromkeys(everything):
        gate = f"gate {found.gate}: " if found.gate else ""
        yield Finding(
            rule=f"{ID}/loosened",
            path=FILE,
            what=f"this change loosens {gate}{found.what}",
            why="It has no effect on the change itself, and on every one after it is merged.",
            level="note",
        )
