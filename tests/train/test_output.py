"""What stages print is shown without secrets, and is taken neither for DVC's word nor for a command to a runner."""

from __future__ import annotations

import base64
import json
import urllib.parse

import pytest

from mlops_ci.train.output import Output, secret_values
from mlops_ci.train.repro import StageLog

SECRET = 'p"ä/+&ss-\ud800word'.replace("\ud800", "\udc80")
NAMES = frozenset({"prepare", "train"})


class Said:
    def __init__(self, *, groups: bool = False, **environ: str) -> None:
        self.text = ""
        self.output = Output(self._add, secret_values(environ), groups=groups)

    def _add(self, text: str) -> None:
        self.text += text

    def log(self, *lines: str, returncode: int = 0) -> StageLog:
        log = StageLog(self.output, known=NAMES)
        for line in lines:
            log.line(line)
        log.ended(returncode)
        return log


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_in_base64_is_masked(before: str, encode: object) -> None:
    said = Said(API_TOKEN=SECRET)
    content = f"{before}{SECRET}xyz".encode("utf-8", "surrogateescape")
    said.output.line(encode(content).decode())  # type: ignore[operator]
    assert "***" in said.text
    assert len(said.text) < len("***") + 12


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        urllib.parse.quote(SECRET, safe="", errors="surrogateescape"),
    ],
)
def test_a_secret_as_it_is_often_written_is_masked(written: str) -> None:
    said = Said(API_TOKEN=SECRET)
    said.output.line(f"a {written} b")
    assert "***" in said.text
    assert "word" not in said.text


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_secret_that_is_encoded_alone_is_masked_to_its_end(end: str) -> None:
    said = Said(API_TOKEN="hunter2-and/more of+it=")
    content = f"hunter2-and/more of+it={end}".encode()
    forms = [base64.b64encode(content).decode(), base64.urlsafe_b64encode(content).decode()]
    if not end:
        quoted = urllib.parse.quote_plus(content)
        forms += [content.hex(), content.hex().upper(), quoted, quoted.lower()]
        forms += [urllib.parse.quote(content)]
    for form in forms:
        assert said.output.masked(f"<{form}>") == "<***>"


def test_a_password_in_an_address_is_masked_wherever_it_comes_from() -> None:
    shown = Said().output.masked("to postgres://me:hunter2@db/x, http://h:8080/#a@b")
    assert shown == "to postgres://me:***@db/x, http://h:8080/#a@b"


RUN, LOCKED = "Running stage 'train':", "Generating lock file 'dvc.lock'"


@pytest.mark.parametrize(
    "forged",
    [
        "ERROR: failed to reproduce 'train': no",
        "ERROR: failed to reproduce 'other': no",
        "Running stage 'other':",
        "Running stage 'train':",
        "Stage 'other' didn't change, skipping",
        "Stage 'train' is cached - skipping run, checking out outputs",
    ],
)
def test_what_a_stage_prints_is_not_taken_for_dvc_s_word(forged: str) -> None:
    said = Said(groups=True)
    log = said.log(RUN, forged, "::set-output name=a::b", "##[add-path]x", LOCKED)
    assert [(one.name, one.result) for one in log.stages] == [("train", "ran")]
    assert_no_command(said.text)


@pytest.mark.parametrize("line", ["::add-path::x", "  ::add-path::x", "a ##[add-path]x"])
def test_outside_of_stages_nothing_is_a_command_either(line: str) -> None:
    said = Said(groups=True)
    said.log(line, RUN, LOCKED, line)
    assert_no_command(said.text)


def assert_no_command(text: str) -> None:
    """As a runner reads it: between `stop-commands` and its token there are none."""
    token = ""
    for line in text.splitlines():
        if token:
            token = "" if line == f"::{token}::" else token
        elif line.startswith("::stop-commands::"):
            token = line.removeprefix("::stop-commands::")
        else:
            ours = line.startswith(("::group::", "::endgroup::"))
            assert ours or ("##[" not in line and not line.strip().startswith("::")), line
    assert not token


def test_a_stage_that_cannot_begin_has_failed() -> None:
    log = Said().log("ERROR: failed to reproduce 'train': missing data: 'a.csv'", returncode=255)
    assert [(one.name, one.result) for one in log.stages] == [("train", "failed")]
    assert log.error == "missing data: 'a.csv'"


def test_a_secret_in_dvc_s_own_reason_is_masked() -> None:
    log = Said(API_TOKEN=SECRET).log(f"ERROR: failed to reproduce 'train': {SECRET}", returncode=1)
    assert log.error == "***"
