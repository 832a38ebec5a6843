"""Many jobs publish to one pull request at the same time, as processes, while GitHub is having a bad day."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from mlops_ci.github import marker
from mlops_ci.model import Baseline, Change, Comparison, ModelComparison, Origin, Outcome, Verdict
from mlops_ci.publish.comment import digests
from mlops_ci.publish.shown import Shown
from mlops_ci.report import machine
from tests.github.api.server import Api, serving
from tests.publish.conftest import REPO, TOKEN
from tests.report.conftest import NEW, OLD

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.contract

HEADS = ("1" * 40, "2" * 40, NEW)


def report(head: str, at: int) -> Shown:
    model, value = f"model-{at:03}", 0.5 + at / 1000
    row = Change(name="auc", source=f"{model}/metrics.json", baseline=0.75, candidate=value, delta=value - 0.75,
                 relative=value / 0.75 - 1, direction="higher_is_better", change="worse")  # fmt: skip
    outcome = Outcome(gate="floor", result="fail", reason="too low", metric="auc", source=row.source,
                      rule="at least 0.7", kind="least", limit=0.7, value=value, baseline=0.75, bound=0.7,
                      headroom=value - 0.7)  # fmt: skip
    verdict = Verdict(
        model=model,
        result="fail",
        outcomes=(outcome,),
        policy_digest=f"sha256:{64 * '0'}",
        policy_rev=OLD,
    )
    base = Baseline(origin=Origin(rev="main", commit=OLD), how="", tip=OLD)
    models = (ModelComparison(model=model, metrics=(row,)),)
    comparison = Comparison(baseline=base, candidate=Origin(rev="HEAD", commit=head), models=models)
    return Shown(comparison=comparison, verdicts={model: verdict})


def started(api: Api, folder: Path, head: str, at: int) -> subprocess.Popen[bytes]:
    made = report(head, at)
    own = folder / f"{head[:3]}-{at}"
    own.mkdir()
    (own / "gate.json").write_text(machine.render(made.comparison, made.verdicts, everything=True))
    pull = {
        "number": 7,
        "head": {"sha": head, "ref": "t", "repo": {"full_name": REPO}},
        "base": {"ref": "main"},
    }
    (own / "event.json").write_text(json.dumps({"pull_request": pull}))
    environ = {
        **os.environ,
        "GITHUB_API_URL": api.url,
        "GITHUB_REPOSITORY": REPO,
        "GITHUB_SHA": head,
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(own / "event.json"),
        "GITHUB_RUN_ID": str(100 + HEADS.index(head)),
        "GITHUB_TOKEN": TOKEN,
    }
    command = [sys.executable, "-m", "mlops_ci", "publish", "--from", "gate.json", "--check-run"]
    return subprocess.Popen(
        command, cwd=own, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def publish(api: Api, folder: Path, head: str, at: int) -> None:
    process = started(api, folder, head, at)
    _, told = process.communicate(timeout=570)
    assert process.returncode == 1, told.decode()
    assert b"not published" not in told, told.decode()


def bad_day(api: Api, dice: random.Random, times: int) -> None:
    """Of each kind some, at chance places: of the requests that match about one in six goes wrong."""
    kinds: list[dict[str, Any]] = [
        {"status": 502},
        {"status": 503},
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"status": 403, "headers": {"Retry-After": "0"}, "message": "secondary rate limit"},
        {"delay": 0.2},
        {"lost": True},
        {"lost": True, "delay": 0.1},
    ]
    paths = ("comments", "check-runs", "statuses", "pulls/7", "issues/7/comments")
    for _ in range(times):
        api.add_fault(dice.choice(paths), chance=0.25 / times, **dice.choice(kinds))


def test_every_section_of_the_newest_head_and_one_comment(tmp_path: Path, scale: Any) -> None:
    count = scale(10, 200)
    dice = random.Random(7)
    jobs = [(HEADS[2 if at % 4 else dice.randrange(2)], at) for at in range(count)]
    newest = [at for head, at in jobs if head == NEW]
    dice.shuffle(jobs)
    with serving() as api:
        api.add_repo(REPO, refs={"refs/heads/main": OLD}, commits=set(HEADS))
        api.add_pull(REPO, 7, head={"ref": "t", "sha": HEADS[0]}, base={"ref": "main", "sha": OLD})
        api.add_token(TOKEN)
        for at in range(40):
            api.add_comment(REPO, 7, "octocat", str(at))
        bad_day(api, dice, 2 * count)
        with ThreadPoolExecutor(count) as pool:
            running = [pool.submit(publish, api, tmp_path, *job) for job in jobs]
            api.push(REPO, 7, NEW)
            for one in running:
                one.result()
        (comment,) = api.comments(REPO)
        found = marker.read(comment["body"])
        assert found is not None
        assert found.head == NEW
        assert found.sections == digests([report(NEW, at) for at in newest])
        assert f"{len(newest)} of {len(newest)} models" in comment["body"]
        checks = api.state.repos[REPO].checks.values()
        assert {one["status"] for one in checks} == {"completed"}
        assert sum(fault["times"] == 0 for fault in api.state.faults) > count / 4
        assert api.state.wrong == []
        requests = len(api.state.log)
        print(f"{count} jobs, {requests} requests, {comment['_edits']} edits")  # noqa: T201 - shown by pytest -s
        assert requests < 5_000  # what GitHub takes in an hour


def test_a_job_that_is_cancelled_leaves_no_check_run_hanging(tmp_path: Path) -> None:
    with serving() as api:
        api.add_repo(REPO, refs={"refs/heads/main": OLD}, commits={NEW})
        api.add_pull(REPO, 7, head={"ref": "t", "sha": NEW}, base={"ref": "main", "sha": OLD})
        api.add_token(TOKEN)
        waiting = threading.Event()
        api.add_fault("comments", wait=waiting)
        process = started(api, tmp_path, NEW, 0)
        while not api.requests("GET", "comments"):
            assert process.poll() is None
        process.terminate()
        process.communicate(timeout=60)
        waiting.set()
        assert process.returncode == 3
        (check,) = api.state.repos[REPO].checks.values()
        assert (check["status"], check["conclusion"]) == ("completed", "cancelled")
