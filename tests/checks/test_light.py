"""Nothing is loaded for a commit that it is not needed for: most commits are of code only."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlops_ci.checks import catalog
from tests.checks.conftest import project

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"argparse", "click", "dvc", "git", "jsonschema", "mlflow", "numpy", "urllib3"}
ONLY_FOR_WHAT_IS_OURS = {"yaml", "mlops_ci.config", "mlops_ci.model", "mlops_ci.stack"}
SLOW = {"dataclasses", "inspect"}
# It says nothing that a commit of code would need to know.
CONFIG = """
gates: [{id: floor, metric: auc, threshold: {min: 0.9}}]
waivers: [{rule: metrics-unedited, reason: old, approved_by: me, expires: 2020-01-01}]
checks:
  dvc-lock-in-sync: {code: error}
  dvc-files-valid: {level: warn}
  config-schema: {on_undecided: pass}
"""
ON_COMMIT = [one.id for one in catalog.CATALOG if one.on_commit]
SCRIPT = """
import sys
from mlops_ci_hooks.{module} import main
code = main([])
print(*sys.modules)
sys.exit(code)
"""


def loaded_by(check: str, folder: Path) -> set[str]:
    """The modules that the hook loads. It finds nothing."""
    script = SCRIPT.format(module=catalog.entry(check).module)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "mlops_ci.checks.hook" in loaded
    return loaded


def commit_code(repo, config: dict[str, str]) -> None:
    repo.commit(**project(), **{"a.py": "x = 1\n"}, **config)
    repo.write("a.py", "x = 2\n")
    repo.git("add", "--all")


@pytest.mark.parametrize("check", ON_COMMIT)
def test_a_commit_of_code_loads_little(repo, check):
    commit_code(repo, {})
    assert not loaded_by(check, repo.path) & (HEAVY | ONLY_FOR_WHAT_IS_OURS | SLOW)


@pytest.mark.parametrize("check", [one for one in ON_COMMIT if one != "policy-valid"])
def test_a_config_that_decides_nothing_is_not_loaded(repo, check):
    commit_code(repo, {"mlops-ci.yaml": CONFIG})
    assert not loaded_by(check, repo.path) & (HEAVY | ONLY_FOR_WHAT_IS_OURS | SLOW)


def test_a_policy_that_the_commit_does_not_concern_is_only_loaded(repo):
    commit_code(repo, {"mlops-ci.yaml": CONFIG})
    loaded = loaded_by("policy-valid", repo.path)
    assert "mlops_ci.config" in loaded
    assert not loaded & (HEAVY | {"mlops_ci.gates", "mlops_ci.model", "mlops_ci.stack"})


def test_params_are_no_metrics(repo):
    """dvc.lock names a params file as a key, and metrics as values."""
    repo.commit(**project())
    repo.write("params.yaml", "lr: 0.3\n")
    repo.git("add", "--all")
    assert not loaded_by("metrics-unedited", repo.path) & (HEAVY | ONLY_FOR_WHAT_IS_OURS)


def test_the_config_loads_no_more_than_its_classes():
    """Nor do its classes lack docstrings: `dataclass` would write the signature there, which takes longer than all else
    of a class.
    """
    script = (
        "import sys, dataclasses, mlops_ci.config\n"
        "print(*{'difflib', 'hashlib', 'json'} & set(sys.modules))\n"
        "for module in [one for name, one in sys.modules.items() if name.startswith('mlops_ci.')]:\n"
        "    for name, one in vars(module).items():\n"
        "        if dataclasses.is_dataclass(one) and (one.__doc__ or '').startswith(f'{name}('):\n"
        "            print(name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
