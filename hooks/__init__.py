"""Console scripts of the pre-commit hooks, one file per check; the logic is in mlops_ci/checks/."""
