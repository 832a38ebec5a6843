"""Shared by all tests: `--full`, the same environment everywhere, a throw-away repository."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests import loaded
from tests.mlflow_server import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GIT_CONFIG = """\
[user]
	name = Test
	email = test@example.com
[init]
	defaultBranch = main
	templateDir =
[commit]
	gpgSign = false
[tag]
	gpgSign = false
[protocol "file"]
	allow = always
[core]
	excludesFile =
	attributesFile =
	fsync = none
[gc]
	auto = 0
[maintenance]
	auto = false
[safe]
	directory = *
"""

# What a CI runner, a Git hook or a user's shell may have set, and what must stay of it. Programs that tests start
# would compile all that they import each time if they may not keep it.
FOREIGN = ("ACTIONS_", "DVC_", "GIT_", "GITHUB_", "MLFLOW_", "MLOPS_CI_", "RUNNER_")
FOREIGN_NAMES = {"CI", "COLUMNS", "FORCE_COLOR", "LANGUAGE", "NO_COLOR", "PYTHONDONTWRITEBYTECODE"}
NEEDED = {"GIT_EXEC_PATH", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"}

HOSTILE = {
    "backtick": "a`b",
    "backticks": "``a```b`",
    "only-backtick": "`",
    "edge-backticks": "`a`",
    "pipe": "a|b",
    "escaped-pipe": "a\\|b",
    "pipe-row": "x | y | z |\n|---|---|",
    "backslash": "\\",
    "backslash-backtick": "\\`a\\`",
    "newline": "a\nb",
    "paragraph": "a\n\n# Approved\n\nb",
    "carriage-return": "good\rbad",
    "tab": "a\tb",
    "vertical": "a\x0bb\x0cc\x85d",
    "line-separator": "a\u2028b\u2029c",
    "mention": "@octocat",
    "team-mention": "cc @acme/admins",
    "issue": "#123",
    "issue-elsewhere": "acme/churn#1",
    "gh-issue": "GH-123",
    "sha": "deadbeef0123",
    "url": "https://example.com/?q=1",
    "www": "www.example.com",
    "email": "root@example.com",
    "link": "[ok](https://example.com)",
    "reference": "[ok]: https://example.com",
    "autolink": "<https://example.com>",
    "image": "![x](https://example.com/x.png)",
    "html": "<b>bold</b>",
    "script": "<script>alert(1)</script>",
    "image-tag": "<img src=x onerror=alert(1)>",
    "comment": "<!-- mlops-ci -->",
    "open-comment": "<!--",
    "close-details": "</details></table></code>",
    "cdata": "<![CDATA[x]]>",
    "entity": "&lt;b&gt; &amp; &#64;octocat",
    "quotes": "\"a\" 'b'",
    "heading": "# Title",
    "setext": "===",
    "rule": "---",
    "list": "- [x] done",
    "number": "1. one",
    "quote": "> [!WARNING]",
    "fence": "```suggestion",
    "tildes": "~~~",
    "emphasis": "**bold** _it_ ~~gone~~",
    "emoji": ":shipit: :+1:",
    "math": "$x$ $$y$$",
    "ansi": "\x1b[31mred\x1b[0m",
    "ansi-clear": "\x1b[2J\x1b[H",
    "ansi-title": "\x1b]0;title\x07",
    "ansi-link": "\x1b]8;;https://example.com\x1b\\here\x1b]8;;\x1b\\",
    "c1": "\x9b31mred",
    "nul": "a\x00b",
    "backspace": "bad\x08\x08\x08good",
    "bidi": "\u202egnp.exe\u202c",
    "isolate": "a\u2066b\u2069\u200f",
    "zero-width": "a\u200bc\u200dc\ufeff",
    "soft-hyphen": "ac\u00adc",
    "tag-characters": "a\U000e0041\U000e007f",
    "surrogate": "a\udc80b",
    "high-surrogate": "a\ud800b",
    "surrogates": "\udc80\ud800",
    "private": "\ue000",
    "unassigned": "\U000effff",
    "command": "::error::pwned",
    "command-mask": "::add-mask::0",
    "old-command": "##[add-mask]0",
    "command-line": "a\n::stop-commands::x",
    "spaces": " a ",
    "space": " ",
    "long": "a" * 500,
    "long-backticks": "`" * 300,
    "wide": "日本語 🎉 ñ",
    "combining": "e" + "\u0301" * 30,
    "formula": "=1+1",
    "percent": "%0A%s{}{0}${{ x }}",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="full counts, and tests marked `full`")


def pytest_configure(config: pytest.Config) -> None:
    full = config.getoption("full")
    loaded.used &= not full
    hypothesis.settings.register_profile("tests", max_examples=600 if full else 50)
    hypothesis.settings.load_profile("tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("full"):
        return
    for item in items:
        if item.get_closest_marker("full"):
            item.add_marker(pytest.mark.skip(reason="runs with pytest --full"))


@pytest.fixture(scope="session")
def scale(pytestconfig: pytest.Config) -> Callable[[int, int], int]:
    """`scale(20, 1000)` is 20, and 1000 with --full."""
    full = pytestconfig.getoption("full")
    return lambda n_default, n_full: n_full if full else n_default


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Made before all other fixtures, so that those of a module or session have it too."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - NEEDED:
            if name.startswith(FOREIGN) or name in FOREIGN_NAMES:
                patch.delenv(name)
        patch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("GIT_TERMINAL_PROMPT", "0")
        patch.setenv("DVC_GLOBAL_CONFIG_DIR", str(home / "dvc-global"))
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.setenv("DVC_SITE_CACHE_DIR", str(home / "dvc-site-cache"))
        patch.setenv("DVC_SYSTEM_CONFIG_DIR", str(home / "dvc-system"))
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("LANG", "C.UTF-8")
        patch.setenv("LC_ALL", "C.UTF-8")
        patch.setenv("TZ", "UTC")
        if hasattr(time, "tzset"):
            time.tzset()
        _heed_signals()
        yield


def _heed_signals() -> None:
    """Programs that tests start would ignore what we ignore, as behind nohup or `&`; a handler is not handed on."""
    for name in ("SIGINT", "SIGHUP"):
        known = getattr(signal, name, None)
        if known is not None and signal.getsignal(known) is signal.SIG_IGN:
            signal.signal(known, lambda *_: None)


@pytest.fixture(autouse=True)
def _restored(_environment: None) -> Iterator[None]:
    """No test sees what another one wrote to the environment or to the global Git configuration."""
    before = dict(os.environ)
    Path(os.environ["GIT_CONFIG_GLOBAL"]).write_text(GIT_CONFIG, encoding="utf-8")
    yield
    os.environ.clear()
    os.environ.update(before)


@dataclass(frozen=True)
class Repo:
    """A Git repository to throw away."""

    path: Path

    def git(self, *args: str) -> str:
        """What git prints, without the last line break."""
        done = subprocess.run(["git", *args], cwd=self.path, capture_output=True, check=False)
        if done.returncode:
            raise AssertionError(f"git {' '.join(args)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="surrogateescape").removesuffix("\n")

    def write(self, path: str, content: str | bytes) -> Path:
        """Write a file byte for byte: text is UTF-8, and its line breaks stay as they are."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def commit(self, message: str = "c", /, **files: str | bytes) -> str:
        """Write `files`, commit all that is in the work tree, and return the commit's id.

        `repo.commit(**{"metrics.json": "{}"})`; a commit may be empty.
        """
        for path, content in files.items():
            self.write(path, content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """An empty repository on branch `main`, in a folder of its own below `tmp_path`."""
    path = tmp_path / "repo"
    path.mkdir()
    made = Repo(path)
    made.git("init", "--quiet")
    return made


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory, _environment: None) -> Iterator[str]:
    """The address of one for all tests that are marked `xdist_group("mlflow-server")`."""
    with running(tmp_path_factory.mktemp("mlflow")) as address:
        yield address


@pytest.fixture(params=HOSTILE.values(), ids=HOSTILE.keys())
def hostile(request: pytest.FixtureRequest) -> str:
    """Each test that asks for it runs once for every hostile text."""
    return request.param
