"""Workflows as GitHub runs them, without GitHub: act in host mode, a bare remote, and the API of the tests.

act does not apply `on:`, `permissions:`, `concurrency:` or `environment:`. What the token may do, the API enforces: it
is registered with what the workflow asks for. The rest is read from the files in tests/templates.
https://nektosact.com
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests import loaded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.github.api.server import Api

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SLUG = "mlops-ci/mlops-ci"
# What the actions need of the repository; act copies a folder whole.
SHIPPED = ("action.yml", "actions", "mlops_ci", "requirements/actions.txt")
_USES = re.compile(r"uses:\s*['\"]?([\w.-]+/[\w.-]+)(?:/[\w./-]+)?@([\w./-]+)")

_KEPT = re.compile(r"(UV|PIP|SSL|DVC|GIT_CONFIG|REQUESTS_CA)_|.*_proxy$", re.IGNORECASE)


def git(cwd: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {arguments}: {done.stderr}"
    return done.stdout.strip()


@dataclass
class Run:
    """What came of it. `jobs`: name -> success or failure; `outputs`: of steps, by id; `text`: all that was printed."""

    returncode: int
    jobs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    summaries: list[str] = field(default_factory=list)
    annotations: list[str] = field(default_factory=list)
    text: str = ""

    def read(self, record: dict[str, Any]) -> None:
        command = record.get("command", "")
        if "jobResult" in record:
            self.jobs[record["job"].strip().rpartition("/")[2]] = record["jobResult"]
        if command == "set-output":
            self.outputs.setdefault(record["stepID"][-1], {})[record["name"]] = record["arg"]
        if command == "summary" and record["content"] not in self.summaries:
            self.summaries.append(record["content"])
        if command in ("error", "warning", "notice"):
            self.annotations.append(record["msg"].strip())
        if record.get("raw_output") or command:
            self.text += record["msg"].rstrip("\n") + "\n"


class Hub:
    """One repository on one GitHub. `work` is a clone of it to make commits in."""

    def __init__(self, folder: Path, api: Api, full: str = "octo/churn") -> None:
        self.folder, self.api, self.full = folder, api, full
        self.bare = folder / "git" / f"{full}.git"
        self.work = folder / "work"
        self.run_id = 770
        self.snapshot = snapshot(folder / "mlops-ci")
        self.bare.parent.mkdir(parents=True)
        git(folder, "init", "-q", "--bare", str(self.bare))
        git(self.bare, "config", "uploadpack.allowAnySHA1InWant", "true")

    def adopt(self, project: Path) -> None:
        """The history of `project` becomes that of the repository; `work` is a copy of it."""
        shutil.copytree(project, self.work, symlinks=True)
        git(self.work, "remote", "add", "origin", str(self.bare))
        git(self.work, "push", "-q", "origin", "main")
        tip = git(self.work, "rev-parse", "main")
        self.api.add_repo(self.full, refs={"refs/heads/main": tip}, files=self._policy(tip))

    def _policy(self, commit: str) -> dict[str, dict[str, str]]:
        return {commit: {"mlops-ci.yaml": git(self.work, "show", f"{commit}:mlops-ci.yaml")}}

    def commit(self, message: str, **files: str) -> str:
        for name, content in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        git(self.work, "add", "--all")
        git(self.work, "commit", "-q", "--allow-empty", "-m", message)
        return git(self.work, "rev-parse", "HEAD")

    def open_pull(self, number: int, *, fork: str = "") -> dict[str, Any]:
        """What is checked out in `work`, as a pull request into main; GitHub's merge of it, and its event."""
        branch, head, base = (
            git(self.work, "rev-parse", *what)
            for what in (("--abbrev-ref", "HEAD"), ("HEAD",), ("main",))
        )
        tree = git(self.work, "merge-tree", "--write-tree", base, head)
        merge = git(self.work, "commit-tree", tree, "-p", base, "-p", head, "-m", f"Merge {head}")
        refs = (f"{merge}:refs/pull/{number}/merge", f"{head}:refs/pull/{number}/head")
        heads = () if fork else (f"{head}:refs/heads/{branch}",)
        git(self.work, "push", "-q", "-f", "origin", *refs, *heads)
        ends = {"head": {"ref": branch, "sha": head}, "base": {"ref": "main", "sha": base}}
        if fork:
            ends["head"]["repo"] = fork
        self.api.add_pull(self.full, number, **ends)
        repo = self.api.state.repos[self.full]
        repo.files |= self._policy(head)
        repo.merge_bases[head] = git(self.work, "merge-base", base, head)
        repo.commits.add(repo.merge_bases[head])
        return self._event(number, ends, fork or self.full)

    def _event(self, number: int, ends: dict[str, dict[str, str]], source: str) -> dict[str, Any]:
        """The parts of GitHub's payload that workflows and actions read."""
        repository = _repository(self.full)
        head = {**ends["head"], "repo": _repository(source), "label": f"x:{ends['head']['ref']}"}
        base = {**ends["base"], "repo": repository}
        pull = {"number": number, "state": "open", "draft": False, "head": head, "base": base}
        sender = {"login": "octocat"}
        return {
            "action": "synchronize",
            "number": number,
            "pull_request": {**pull, "user": sender},
            "repository": repository,
            "sender": sender,
        }

    def after(self, pull: dict[str, Any]) -> dict[str, Any]:
        """The event of the last run, which was of this pull request, having ended."""
        head = pull["pull_request"]["head"]
        run = {
            "id": self.run_id,
            "run_attempt": 1,
            "event": "pull_request",
            "conclusion": "success",
            "head_sha": head["sha"],
            "head_branch": head["ref"],
            "head_repository": head["repo"],
        }
        return {"action": "completed", "workflow_run": run, "repository": pull["repository"]}

    def push(self) -> dict[str, Any]:
        """The event of what is on `main` in `work` being pushed there."""
        git(self.work, "push", "-q", "origin", "main")
        after, before = git(self.work, "rev-parse", "main", "main~1").split()
        names = {"before": before, "after": after, "ref": "refs/heads/main"}
        return {**names, "repository": _repository(self.full), "sender": {"login": "octocat"}}

    def tag(self, name: str) -> dict[str, Any]:
        """The event of an annotated tag on HEAD being pushed."""
        git(self.work, "tag", "-a", "-m", name, name)
        git(self.work, "push", "-q", "origin", f"refs/tags/{name}")
        known = self.api.state.repos[self.full]
        known.refs[f"refs/tags/{name}"] = git(self.work, "rev-parse", "HEAD")
        known.commits.add(known.refs[f"refs/tags/{name}"])
        names = {"ref": f"refs/tags/{name}", "after": git(self.work, "rev-parse", name)}
        return {**names, "repository": _repository(self.full), "sender": {"login": "octocat"}}

    def run(
        self,
        workflow: str,
        event: dict[str, Any],
        name: str = "pull_request",
        *,
        ref: str = "",
        fork: bool = False,
        attempt: int = 1,
        **variables: str,
    ) -> Run:
        """Run the text of a workflow. `ref`: what is checked out; of a pull request, GitHub's merge."""
        ref = ref or f"refs/pull/{event['number']}/merge"
        self.run_id += attempt == 1
        folder = self.folder / f"run-{self.run_id}-{attempt}"
        source = self._checkout(folder, ref)
        file = folder / "workflow.yml"
        file.write_text(workflow, encoding="utf-8")
        (folder / "event.json").write_text(json.dumps(event), encoding="utf-8")
        token = f"ghs_{secrets.token_hex(16)}"
        asked = dict(permissions(yaml.safe_load(workflow)))
        self.api.add_token(token, **(dict.fromkeys(asked, "read") if fork else asked))
        github = {
            "GITHUB_API_URL": self.api.url,
            "GITHUB_REPOSITORY": self.full,
            "GITHUB_REF": ref,
            "GITHUB_REF_TYPE": "tag" if ref.startswith("refs/tags/") else "branch",
            "GITHUB_RUN_ID": str(self.run_id),
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "RIG_GIT": str(self.folder / "git"),
            "RIG_ARTIFACTS": str(self.folder / "artifacts"),
            "RIG_PYTHON": str(loaded.environment() / "bin"),
            **variables,
        }
        arguments = ["-C", source, "-W", file, "-e", folder / "event.json"]
        arguments += [
            "-P",
            "ubuntu-latest=-self-hosted",
            "-a",
            "octocat",
            "-s",
            f"GITHUB_TOKEN={token}",
        ]
        arguments += [x for pair in github.items() for x in ("--env", "=".join(pair))]
        for slug, place in self._actions(workflow):
            arguments += ["--local-repository", f"{slug}={place}"]
        return self._act(name, arguments, folder)

    def _checkout(self, folder: Path, ref: str) -> Path:
        """What act takes the commit and the event's defaults from; the checkout step makes its own."""
        source = folder / "source"
        source.mkdir(parents=True)
        git(source, "init", "-q")
        git(source, "remote", "add", "origin", f"https://github.com/{self.full}")
        git(source, "fetch", "-q", "--depth=1", f"file://{self.bare}", ref)
        git(source, "checkout", "-q", "--detach", "FETCH_HEAD")
        return source

    def _actions(self, workflow: str) -> Iterator[tuple[str, Path]]:
        """Every action that is used is ours or has a stand-in: nothing is fetched."""
        files = [path.read_text(encoding="utf-8") for path in self.snapshot.rglob("action.yml")]
        for slug, ref in {found for text in (workflow, *files) for found in _USES.findall(text)}:
            place = self.snapshot if slug == SLUG else HERE / "shims" / slug.partition("/")[2]
            assert place.is_dir(), f"no stand-in for {slug}"
            yield f"{slug}@{ref}", place

    def _act(self, event: str, arguments: list[Any], folder: Path) -> Run:
        home = folder / "home"
        home.mkdir()
        # act hands its environment on to every step: what a runner has, and nothing of this one.
        env = {
            "PATH": os.pathsep.join([str(HERE / "bin"), os.environ["PATH"]]),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            # Where the machine says how the package registry is reached, and what was fetched before.
            "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME", str(Path.home() / ".config")),
            "UV_CACHE_DIR": str(Path.home() / ".cache/uv"),
        }
        env |= {key: value for key, value in os.environ.items() if _KEPT.match(key)}
        flags = ["--rm", "--no-cache-server", "--json", "--no-skip-checkout"]
        done = subprocess.run(
            ["act", event, *flags, *map(str, arguments)],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        found = Run(done.returncode)
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                found.read(json.loads(line))
        assert found.jobs, done.stdout + done.stderr
        return found


def snapshot(folder: Path) -> Path:
    """The actions and the package, as a commit would ship them."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z", "--", *SHIPPED]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def permissions(workflow: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Of all jobs together: act has one token a run, GitHub one a job."""
    for part in (workflow, *workflow["jobs"].values()):
        for name, access in (part.get("permissions") or {}).items():
            yield name.replace("-", "_"), access


def _repository(full: str) -> dict[str, Any]:
    owner, _, name = full.partition("/")
    return {
        "full_name": full,
        "name": name,
        "owner": {"login": owner},
        "default_branch": "main",
        "private": False,
    }
