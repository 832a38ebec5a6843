"""Nothing is loaded for a commit that it is not needed for: most commits are of code only."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mlops_ci.checks import catalog
from tests.checks.conftest import project

HEAVY = {"click", "dvc", "git", "jsonschema", "mlflow", "numpy", "urllib3"}
ONLY_FOR_DVC_FILES = {"yaml", "mlops_ci.stack", "mlops_ci.model"}
OURS = {"data-not-in-git", "dvc-files-valid", "half-commit", "metrics-unedited"}
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
    assert not loaded & (HEAVY | (ONLY_FOR_DVC_FILES if check in OURS else set()))
