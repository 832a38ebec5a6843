"""`mlops-ci publish` against GitHub's API on loopback: whole processes, and the requests that each needs.

    python bench/publish.py [--runs 9]

A pull request with 30 comments of other people. Prints the median seconds that pass, those of the processor, and the
requests for the comment; the commit status is one more. Peer: `cml comment update` of CML 0.20.6, which takes no
address of an API, so it is not run here; measured once against a copy of that API it took 0.9 to 1.2 s.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.github.api.server import Api, serving  # noqa: E402

REPO, TOKEN, BASE = "octo/churn", "ghs_0123456789", "b" * 40
CML = 0.9


def report(folder: Path, head: str, accuracy: float) -> None:
    """What `mlops-ci gate --json --all` writes of a model with ten metrics."""
    rows = [
        {"name": f"m{at}", "source": "metrics.json", "baseline": 0.9, "candidate": accuracy, "delta": accuracy - 0.9,
         "relative": accuracy / 0.9 - 1, "direction": "higher_is_better", "change": "worse"} for at in range(10)
    ]  # fmt: skip
    outcome = {"gate": "floor", "result": "fail", "metric": "m0", "source": "metrics.json", "rule": "at least 0.9",
               "kind": "least", "limit": 0.9, "value": accuracy, "baseline": 0.9, "bound": 0.9,
               "headroom": accuracy - 0.9, "reason": "too low"}  # fmt: skip
    policy = {"digest": f"sha256:{64 * '0'}", "revision": BASE}
    model = {"name": "churn", "metrics": rows, "params": [], "data": [], "environment": [], "code": [], "notes": [],
             "verdict": {"result": "fail", "outcomes": [outcome], "policy": policy}}  # fmt: skip
    data = {"schema_version": 1, "complete": True, "models": [model],
            "baseline": {"rev": "main", "commit": BASE, "how": "", "behind": 0, "tip": BASE},
            "candidate": {"rev": "HEAD", "commit": head}}  # fmt: skip
    (folder / "gate.json").write_text(json.dumps(data))


def job(api: Api, folder: Path, at: int) -> dict[str, str]:
    """A new head, a new run, another number."""
    head = f"{at:040x}"
    api.push(REPO, 7, head)
    report(folder, head, 0.5 + at / 1000)
    pull = {
        "number": 7,
        "head": {"sha": head, "ref": "t", "repo": {"full_name": REPO}},
        "base": {"ref": "main"},
    }
    (folder / "event.json").write_text(json.dumps({"pull_request": pull}))
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return environ | {
        "GITHUB_API_URL": api.url, "GITHUB_REPOSITORY": REPO, "GITHUB_SHA": head, "GITHUB_TOKEN": TOKEN,
        "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_RUN_ID": str(at), "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "GITHUB_OUTPUT": str(folder / "output"),
    }  # fmt: skip


def run(api: Api, folder: Path, environ: dict[str, str], *options: str) -> tuple[float, float, int]:
    """Seconds that pass, seconds of the processor, requests for the comment."""
    command = [sys.executable, "-m", "mlops_ci", "publish", "--from", "gate.json", *options]
    before, logged = resource.getrusage(resource.RUSAGE_CHILDREN), len(api.state.log)
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, check=False)
    passed = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 1, done.stderr.decode()
    (folder / "summary.md").unlink()
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    log = api.state.log[logged:]
    return passed, spent, sum("/comments" in one["path"] for one in log)


def measured(api: Api, folder: Path, name: str, runs: int) -> None:
    found = []
    first = len(api.state.log) + 1  # later runs have greater numbers
    for at in range(first, first + runs + 1):
        if name == "create":
            for one in api.comments(REPO):
                del api.state.repos[REPO].comments[one["id"]]
        environ = job(api, folder, at if name != "unchanged" else first)
        found.append(run(api, folder, environ))
    passed, spent, requests = (statistics.median(column) for column in zip(*found[1:], strict=True))
    print(f"{name:10} {passed:6.3f} s   {spent:6.3f} s   {requests:2.0f}   {CML / passed:5.1f} x")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    with serving() as api, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        api.add_repo(REPO, refs={"refs/heads/main": BASE})
        api.add_pull(REPO, 7, head={"ref": "t", "sha": "a" * 40}, base={"ref": "main", "sha": BASE})
        api.add_token(TOKEN)
        for at in range(30):
            api.add_comment(REPO, 7, "octocat", f"comment {at}")
        print(f"comment    {'passed':>8}   {'processor':>8}   requests   cml / passed")
        for one in ("create", "update", "unchanged"):
            measured(api, folder, one, runs)


if __name__ == "__main__":
    main()
