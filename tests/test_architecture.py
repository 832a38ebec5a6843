"""The import direction and the limits that CONTRIBUTING.md describes, read from the source."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Literal

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "mlops_ci"

# A part is a name directly below mlops_ci/, or hooks. ALLOWED: what it may import besides itself
# and mlops_ci/__init__.py. Imports inside functions and for type checkers count too.
LEAVES = frozenset({
    "champion", "directions", "environment", "errors", "estimate", "evaluation", "fact", "finding", "formats",
    "frozen", "gate_trials", "git", "http", "infer", "limits", "model", "plots", "predictions", "process",
    "record", "repeats", "reproduction", "signals", "size_limits", "stage_inputs", "suggestions", "text",
    "typed", "waivers", "yaml",
})  # fmt: skip
CONFIG = LEAVES | {
    "checks_config", "config", "gate_config", "profile_config", "promote_config", "train_config",
}  # fmt: skip
PURE = frozenset({"compare", "gates", "report"})
READERS = frozenset({"checks", "stack"})
WORKERS = frozenset({
    "baseline", "evaluation_inputs", "evidence", "gate_inputs", "github", "lineage", "models", "packages",
    "plot_changes", "prediction_pairs", "reproduce", "snapshot", "staleness", "tracking", "train",
})  # fmt: skip
ALLOWED = {
    **dict.fromkeys(LEAVES, LEAVES),
    "checks_config": LEAVES | {"gate_config"},
    "config": LEAVES
    | {"checks_config", "gate_config", "profile_config", "promote_config", "train_config"},
    "gate_config": LEAVES,
    "profile_config": LEAVES | {"gate_config"},
    "promote_config": LEAVES,
    "train_config": LEAVES,
    "schema": CONFIG,
    "stats": LEAVES,
    **dict.fromkeys(PURE, CONFIG),
    "compare": CONFIG | {"notes"},
    "gates": CONFIG | {"stats"},
    "notes": CONFIG,
    **dict.fromkeys(READERS, CONFIG),
    "checks": CONFIG | {"gates", "schema", "stack"},
    **dict.fromkeys(WORKERS, CONFIG | READERS | WORKERS),
    "diff": CONFIG | READERS | WORKERS | {"compare"},
    "proposed_policy": CONFIG | {"gates"},
    "repeat_runs": CONFIG | READERS | WORKERS | {"diff"},
    "policy_source": CONFIG | READERS | WORKERS | {"diff", "gates"},
    "gate": CONFIG | {"diff", "gates", "policy_source", "proposed_policy", "repeat_runs"},
    "calibrate": CONFIG | {"diff", "gate", "gates"},
    "promote": CONFIG | READERS | WORKERS | {"diff", "gate", "report"},
    "drill": CONFIG | READERS | WORKERS | {"promote"},
    "verdict_record": CONFIG | READERS | WORKERS | {"gate", "promote"},
    "publish": CONFIG | {"compare", "gates", "github", "proposed_policy", "report"},
    "demo": CONFIG | {"diff", "gate", "promote", "report"},
    "commands": CONFIG
    | PURE
    | READERS
    | WORKERS
    | {
        "calibrate",
        "demo",
        "diff",
        "drill",
        "gate",
        "promote",
        "publish",
        "schema",
        "verdict_record",
    },
    "cli": frozenset({"commands", "config", "errors", "signals", "suggestions"}),
    "__main__": frozenset({"cli"}),
    "hooks": frozenset({"checks"}),
}
OUTSIDE = frozenset({"hooks", "mlops_ci_hooks", "mlops_ci_templates", "templates"})
POSIX_ONLY = frozenset({"fcntl", "grp", "posix", "pty", "pwd", "resource", "termios", "tty"})
HEAVY = frozenset({
    "dvc", "git", "jsonschema", "referencing", "matplotlib", "mlflow", "numpy", "pandas", "pyarrow", "requests",
    "scipy", "urllib3",
})  # fmt: skip
MAX_LINES = 300
PROJECT = f"{PACKAGE}/demo/project"

FORBIDDEN_TEXT = {
    "a path of one machine": r"(?<![\w.}~-])/(?:work|tmp|root|home/\w+|Users/\w+)/\w",
    "an option that names a registry": r"--(?:(?:extra-)?index-url|find-links)",
}


@dataclass(frozen=True)
class Import:
    """`target`: full dotted name. `when`: as the module loads, in a call, or for type checkers."""

    target: str
    line: int
    when: Literal["load", "call", "types"]


@dataclass(frozen=True)
class Module:
    name: str
    path: str
    lines: int
    imports: tuple[Import, ...]

    @property
    def part(self) -> str:
        """`stack` for `mlops_ci.stack.base`, `hooks` for `hooks.x`, nothing for `mlops_ci`."""
        first, *rest = self.name.split(".")
        return first if first != PACKAGE else "".join(rest[:1])


Modules = dict[str, Module]


def find_imports(
    body: Iterable[ast.AST], package: str, when: Literal["load", "call", "types"] = "load"
) -> Iterator[Import]:
    """Every import in `body`, however deep; `package` is where relative imports start."""
    for node in body:
        children = ast.iter_child_nodes(node)
        match node:
            case ast.Import(names):
                yield from (Import(alias.name, node.lineno, when) for alias in names)
            case ast.ImportFrom(module, names, level):
                above = package.split(".")[: package.count(".") + 2 - level] if level else []
                start = ".".join([*above, *([module] if module else [])])
                yield from (Import(f"{start}.{a.name}", node.lineno, when) for a in names)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from find_imports(children, package, "call")
            case ast.If(ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                yield from find_imports(node.body, package, "types")
                yield from find_imports(node.orelse, package, when)
            case _:
                yield from find_imports(children, package, when)


def read_modules(root: Path) -> Modules:
    modules = {}
    for path in sorted([*root.glob(f"{PACKAGE}/**/*.py"), *root.glob("hooks/**/*.py")]):
        if path.is_relative_to(root / PROJECT):
            continue  # copied out as it is; nothing imports it
        relative = path.relative_to(root)
        package = ".".join(relative.parent.parts)
        name = package if path.stem == "__init__" else f"{package}.{path.stem}"
        source = path.read_text(encoding="utf-8")
        imports = tuple(find_imports([ast.parse(source)], package))
        modules[name] = Module(name, relative.as_posix(), len(source.splitlines()), imports)
    return modules


def parents(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts))}


def own_imports(module: Module, modules: Modules) -> Iterator[tuple[Import, Module]]:
    """The imports of modules that are ours: `from a.b import c` is a.b.c, or else a.b."""
    for found in module.imports:
        target = max((parents(found.target) | {found.target}) & modules.keys(), default=None)
        if target:
            yield found, modules[target]


def unplaced(modules: Modules) -> Iterator[str]:
    for module in modules.values():
        if module.part and module.part not in ALLOWED:
            yield (
                f"{module.path}: a new part. Give `{module.part}` a place in ALLOWED "
                "(tests/test_architecture.py) and in the map of CONTRIBUTING.md"
            )


def wrong_direction(modules: Modules) -> Iterator[str]:
    for module in modules.values():
        allowed = ALLOWED.get(module.part, frozenset()) | {module.part, ""}
        for found, target in own_imports(module, modules):
            if target.part not in allowed:
                yield f"{module.path}:{found.line}: `{module.part}` may not import {target.name}"
        for found in module.imports:
            if module.part != "hooks" and found.target.split(".")[0] in OUTSIDE:
                yield f"{module.path}:{found.line}: the package may not import {found.target}"


def cycles(modules: Modules) -> Iterator[str]:
    """At most one. Importing a.b.c runs a/b/__init__.py first, except for a module inside a.b."""
    graph = {}
    for name, module in modules.items():
        targets = {target.name for _, target in own_imports(module, modules)}
        packages = set().union(*map(parents, targets)) - parents(name) - {name}
        graph[name] = targets | (packages & modules.keys())
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1][:0:-1]
        start = circle.index(min(circle))
        yield " imports ".join([*circle[start:], *circle[: start + 1]])


def posix_only(modules: Modules) -> Iterator[str]:
    return _loaded(modules, POSIX_ONLY, "does not exist on Windows")


def heavy(modules: Modules) -> Iterator[str]:
    return _loaded(modules, HEAVY, "takes long to load")


def _loaded(modules: Modules, names: frozenset[str], why: str) -> Iterator[str]:
    for module in modules.values():
        for found in module.imports:
            if found.when == "load" and found.target.split(".")[0] in names:
                yield (
                    f"{module.path}:{found.line}: {found.target} {why}; "
                    "import it in the function that needs it"
                )


def click_below_commands(modules: Modules) -> Iterator[str]:
    for module in modules.values():
        for found in module.imports:
            if found.target.split(".")[0] == "click" and module.part not in {"cli", "commands"}:
                yield f"{module.path}:{found.line}: only cli and commands may import click"


def too_long(modules: Modules) -> Iterator[str]:
    for module in modules.values():
        if module.lines > MAX_LINES:
            yield f"{module.path}: {module.lines} lines; the limit is {MAX_LINES}"


def forbidden_text(root: Path, paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        try:
            lines = (root / path).read_text(encoding="utf-8").splitlines()
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # not text, or removed and not committed yet
        for number, line in enumerate(lines, start=1):
            for what, pattern in FORBIDDEN_TEXT.items():
                if re.search(pattern, line):
                    yield f"{path}:{number}: {what}: {line.strip()[:80]}"


Rule = Callable[[Modules], Iterator[str]]
RULES: list[Rule] = [
    unplaced,
    wrong_direction,
    cycles,
    posix_only,
    heavy,
    click_below_commands,
    too_long,
]


@pytest.mark.parametrize("rule", RULES)
def test_source(rule: Rule) -> None:
    modules = read_modules(ROOT)
    assert {"mlops_ci", "mlops_ci.model", "hooks"} <= modules.keys()
    wrong = "\n".join(dict.fromkeys(rule(modules)))
    assert not wrong, wrong


def test_map_names_every_part() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^  (\w+)(?:\.py|/) ", contributing, re.MULTILINE))
    parts = {module.part for module in read_modules(ROOT).values()}
    assert named == parts - {"", "__main__", "hooks"}


def test_tracked_files_hold_no_forbidden_text() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = listed.stdout.decode().split("\0")[:-1]
    assert "pyproject.toml" in paths
    wrong = "\n".join(forbidden_text(ROOT, paths))
    assert not wrong, wrong


# What each rule must find: the files of a package, and what the rule says about them.
BAD: list[tuple[Rule, dict[str, str], str]] = [
    (unplaced, {"extra": ""}, "mlops_ci/extra.py: a new part. Give `extra` a place"),
    (unplaced, {"extra/__init__": ""}, "mlops_ci/extra/__init__.py: a new part"),
    (
        wrong_direction,
        {"git": "import mlops_ci.config", "config": ""},
        "mlops_ci/git.py:1: `git` may not import mlops_ci.config",
    ),
    (
        wrong_direction,
        {"compare": "def f():\n    from mlops_ci import stack", "stack/__init__": ""},
        "mlops_ci/compare.py:2: `compare` may not import mlops_ci.stack",
    ),
    (
        wrong_direction,
        {"report/html": "from ..commands.diff import show", "commands/diff": ""},
        "mlops_ci/report/html.py:1: `report` may not import mlops_ci.commands.diff",
    ),
    (
        wrong_direction,
        {"gates/policy": "if TYPE_CHECKING:\n    from ..checks import run", "checks": ""},
        "mlops_ci/gates/policy.py:2: `gates` may not import mlops_ci.checks",
    ),
    (
        wrong_direction,
        {"checks": "from mlops_ci_hooks import lock"},
        "mlops_ci/checks.py:1: the package may not import mlops_ci_hooks.lock",
    ),
    (
        cycles,
        {"git": "from mlops_ci import http", "http": "def f():\n    from mlops_ci.git import x"},
        "mlops_ci.git imports mlops_ci.http imports mlops_ci.git",
    ),
    (
        cycles,
        {
            "git": "import typing as t\nif t.TYPE_CHECKING:\n    from . import yaml",
            "yaml": "from .git import x",
        },
        "mlops_ci.git imports mlops_ci.yaml imports mlops_ci.git",
    ),
    (
        cycles,
        {
            "stack/__init__": "from mlops_ci.stack.base import X",
            "stack/base": "from mlops_ci.stack import Y",
        },
        "mlops_ci.stack imports mlops_ci.stack.base imports mlops_ci.stack",
    ),
    (
        cycles,
        {
            "stack/data/__init__": "from mlops_ci.stack import detect",
            "stack/data/dvc": "",
            "stack/detect": "import mlops_ci.stack.data.dvc",
        },
        "mlops_ci.stack.data imports mlops_ci.stack.detect imports mlops_ci.stack.data",
    ),
    (
        posix_only,
        {"git": "try:\n    import fcntl\nexcept ImportError:\n    pass"},
        "mlops_ci/git.py:2: fcntl does not exist on Windows",
    ),
    (
        heavy,
        {"http": "from urllib3.util import Retry"},
        "mlops_ci/http.py:1: urllib3.util.Retry takes",
    ),
    (
        heavy,
        {"git": "class A:\n    import git"},
        "mlops_ci/git.py:2: git takes long to load",
    ),
    (
        click_below_commands,
        {"report": "def f():\n    import click"},
        "mlops_ci/report.py:2: only cli and commands may import click",
    ),
    (too_long, {"git": "x = 1\n" * 301}, "mlops_ci/git.py: 301 lines; the limit is 300"),
]

GOOD = {
    "cli": "import click\nfrom mlops_ci import __version__\nfrom mlops_ci.commands import diff",
    "commands/__init__": "",
    "commands/diff": "import click\nfrom mlops_ci import snapshot\nfrom mlops_ci.gates import run",
    "gates/__init__": "from mlops_ci.gates.policy import run",
    "gates/policy": "from mlops_ci import git, model",
    "git": "def f():\n    import git, fcntl",
    "http": "if TYPE_CHECKING:\n    import urllib3\n",
    "model": "x = 1\n" * 300,
    "snapshot": "from mlops_ci.stack import detect\nfrom mlops_ci import baseline",
    "baseline": "",
    "stack/__init__": "",
    "stack/detect": "from mlops_ci.stack import base\nfrom . import data",
    "stack/base": "from .. import http",
    "stack/data/__init__": "",
}


def written(root: Path, files: dict[str, str]) -> Modules:
    for name, content in {"__init__": "", **files}.items():
        path = root / PACKAGE / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return read_modules(root)


@pytest.mark.parametrize(("rule", "files", "message"), BAD)
def test_rule_finds(rule: Rule, files: dict[str, str], message: str, tmp_path: Path) -> None:
    (found,) = rule(written(tmp_path, files))
    assert message in found


@pytest.mark.parametrize("rule", RULES)
def test_rule_accepts(rule: Rule, tmp_path: Path) -> None:
    assert list(rule(written(tmp_path, GOOD))) == []


@pytest.mark.parametrize("folder", ["work", "tmp", "root", "home/user", "Users/user"])
def test_a_path_of_one_machine_is_found(folder: str, tmp_path: Path) -> None:
    tmp_path.joinpath("a.md").write_text(f"see\n  file:///{folder}/x\n", encoding="utf-8")
    (found,) = forbidden_text(tmp_path, ["a.md"])
    assert found == f"a.md:2: a path of one machine: file:///{folder}/x"


@pytest.mark.parametrize("option", ["index-url", "extra-index-url", "find-links"])
def test_an_option_that_names_a_registry_is_found(option: str, tmp_path: Path) -> None:
    tmp_path.joinpath("a.md").write_text(f"pip install --{option} x", encoding="utf-8")
    (found,) = forbidden_text(tmp_path, ["a.md"])
    assert found == f"a.md:1: an option that names a registry: pip install --{option} x"


def test_other_paths_and_options_are_not_forbidden(tmp_path: Path) -> None:
    text = "repo/work/x ~/work/x $HOME/tmp/x https://example.com/tmp/x --no-emit-index-url\n"
    tmp_path.joinpath("a.md").write_text(text, encoding="utf-8")
    tmp_path.joinpath("b.png").write_bytes(b"\x89PNG\xff")
    assert list(forbidden_text(tmp_path, ["a.md", "b.png", "removed.md"])) == []
