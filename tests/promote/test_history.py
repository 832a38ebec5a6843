"""`mlops-ci history`: in order, with what nobody granted, and with what somebody deleted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.promote.test_promote import ask

if TYPE_CHECKING:
    from tests.conftest import Repo

pytestmark = pytest.mark.real


def told(out: str) -> list[str]:
    """Without times."""
    return [f"{line[2]} {line[26:]}" for line in out.splitlines() if line.startswith("  ")]


def test_all_that_happened_is_there_in_order(released: Repo, cli: Any) -> None:
    cli("promote", ask(released, "v1.0.0", 1))
    cli("promote", ask(released, "v1.1.0", 2))
    cli("rollback", "churn", "--reason", "alert 7")
    ask(released, "v1.2.0", 9)
    code, out, _ = cli("history")
    assert (code, out.splitlines()[0]) == (0, "churn#prod")
    assert told(out) == [
        "✓ v1.0.0  promoted by Test  (churn#prod#1)",
        "✓ v1.1.0  promoted from v1.0.0 by Test  (churn#prod#2)",
        "✓ v1.0.0  rolled back from v1.1.0 by Test: alert 7  (churn#prod#3)",
        "? v1.2.0  asked for by Test, not granted  (churn#prod#9)",
    ]
    shown = json.loads(cli("history", "churn", "--json")[1])
    (stage,) = shown["models"][0]["stages"]
    kinds = [(one["kind"], one["from"], one["verified"]) for one in stage["events"]]
    assert kinds == [
        ("promote", "", True), ("promote", "v1.0.0", True), ("rollback", "v1.1.0", True), ("ask", "", False),
    ]  # fmt: skip
    assert stage["events"][1]["verdict"] == "pass"
    cli("rollback", "churn", "--reason", "by hand")
    assert (
        told(cli("history")[1])[-1]
        == "✓ v1.0.0  rolled back from v1.2.0 by Test: by hand  (churn#prod#10)"
    )


def test_a_deleted_tag_does_not_delete_what_happened(released: Repo, cli: Any) -> None:
    cli("promote", ask(released, "v1.0.0", 1))
    released.git("tag", "-d", "churn#prod#1")
    assert told(cli("history")[1]) == ["? v1.0.0  promoted; its tag is gone  (churn#prod#1)"]


def test_a_stage_that_a_tag_gives_up(released: Repo, cli: Any) -> None:
    cli("promote", ask(released, "v1.0.0", 1, "dev"))
    released.git("tag", "-a", "-m", "x", "churn#dev!#9", "churn@v1.0.0^{}")
    lines = told(cli("history", "--stage", "dev")[1])
    assert min(lines) == "? v1.0.0  given up by Test, not granted  (churn#dev!#9)"
    assert cli("history", "--stage", "prod")[1].startswith("No tag asks for a stage here")


def test_a_model_that_nothing_happened_to(released: Repo, cli: Any) -> None:
    code, _, err = cli("history", "churn")
    assert code == 2
    assert "models with stages: none here: git fetch" in err
