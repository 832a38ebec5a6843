"""A command line gets into a Record without what it should keep to itself, and with everything else."""

from __future__ import annotations

import pytest

from mlops_ci.lineage import redaction


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (["train", "--token", "s3cret", "-x"], ["train", "--token", "(redacted)", "-x"]),
        (["train", "--api-key=s3cret"], ["train", "--api-key=(redacted)"]),
        (["--private-key", "s3cret"], ["--private-key", "(redacted)"]),
        (
            ["sh", "-c", "A_TOKEN='s3 cret' train --api-key s3cret --password=\"s3\"cret --lr 0.1"],
            ["sh", "-c", "A_TOKEN=(redacted) train --api-key (redacted) --password=(redacted) --lr 0.1"],
        ),
        (["sh", "-c", "cat secrets.txt; train"], ["sh", "-c", "cat secrets.txt; train"]),
    ],
)  # fmt: skip
def test_what_is_named_like_a_secret_is_left_out(typed: list[str], kept: list[str]) -> None:
    assert redaction.command(typed) == kept
