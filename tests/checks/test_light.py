"""Nothing is loaded for a commit that it is not needed for: most commits are of code only."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mlops_ci.checks import catalog
from tests.checks.conftest import project

HEAVY = {"argparse", "click", "dvc", "git", "jsonschema", "mlflow", "numpy", "urllib3"}
ONLY_FOR_WHAT_IS_OURS = {"yaml", "mlops_ci.config", "mlops_ci.model", "mlops_ci.stack"}
SLOW = {"dataclasses", "inspect"}
LIMITS = "data-not-in-git"  # its limits are in dataclasses
SCRIPT = """
import sys
from mlops_ci_hooks.{module} import main
code = main([])
print(*sys.modules)
sys.exit(code)
"""


@pytest.mark.parametrize("check", [one.id for one in catalog.CATALOG if one.on_commit])
def test_a_commit_of_code_loads_little(repo, check):
    repo.commit(**project(), **{"a.py": "x = 1\n"})
    repo.write("a.py", "x = 2\n")
    repo.git("add", "--all")
    script = SCRIPT.format(module=catalog.entry(check).module)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=repo.path, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "mlops_ci.checks.hook" in loaded
    assert not loaded & (HEAVY | ONLY_FOR_WHAT_IS_OURS | (set() if check == LIMITS else SLOW))
