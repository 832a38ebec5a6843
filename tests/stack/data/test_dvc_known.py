"""A pipeline is read again when a file that it was made of is another one, and only then."""

from __future__ import annotations

import pytest

from mlops_ci.errors import UnreadableError
from mlops_ci.stack.data.dvc import KnownPipelines

pytestmark = pytest.mark.contract

PLAIN = b"stages: {train: {cmd: train, params: [lr]}}\n"
TEMPLATE = b"stages: {train: {cmd: 'train ${lr}'}}\n"
ONE, TWO = b"lr: 1\n", b"lr: 2\n"


def read(known: KnownPipelines, pipeline: bytes, params: bytes) -> object:
    return known.read("dvc.yaml", {"dvc.yaml": pipeline, "params.yaml": params}.get)


def test_the_same_serves_again() -> None:
    known = KnownPipelines()
    first = read(known, PLAIN, ONE)
    assert read(known, PLAIN, ONE) is first
    assert read(known, PLAIN, TWO) is first, "no value of params stands in it"
    assert read(known, PLAIN.replace(b"cmd: train", b"cmd: other"), ONE) is not first


def test_params_that_stand_in_it_count() -> None:
    known = KnownPipelines()
    one, two = read(known, TEMPLATE, ONE), read(known, TEMPLATE, TWO)
    assert [stage.cmd for stage in one.stages] == ["'train 1'"]  # type: ignore[attr-defined]
    assert [stage.cmd for stage in two.stages] == ["'train 2'"]  # type: ignore[attr-defined]
    assert read(known, TEMPLATE, TWO) is two


def test_what_cannot_be_read_is_tried_each_time() -> None:
    known = KnownPipelines()
    whole = read(known, TEMPLATE, ONE)

    def broken(path: str) -> bytes:
        raise UnreadableError(f"{path}: is not here")

    for _ in range(2):
        assert known.read("dvc.yaml", broken).problems
    assert known.read("dvc.yaml", broken) is not known.read("dvc.yaml", broken)
    assert read(known, TEMPLATE, ONE) is whole
