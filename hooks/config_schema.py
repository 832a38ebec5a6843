from collections.abc import Sequence

from mlops_ci.checks.hook import run


def main(argv: Sequence[str] | None = None) -> int:
    return run("config-schema", argv)
