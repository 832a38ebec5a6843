from mlops_ci.checks.hook import run


def main() -> int:
    return run("config-schema")
