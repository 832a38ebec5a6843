from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from mlops_ci.promote.grammar import parse, precedence

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = (
    "churn@v1.2.0", "churn#prod#3", "a=b@v1.0.0!", "m@deprecated", "m#1", "m#prod!#2", "m@v1.0.0-rc.1+b#4",
    "x/y_z-1@created", "sub/dir=m#a/b", "m@v01.0.0", "m@v1.2", "M@V1.2.3", "m@1.2.3", "m.n@v1.0.0", "=m@v1.0.0",
)  # fmt: skip


def mutate(chance: random.Random, text: str) -> str:
    for _ in range(chance.randint(0, 3)):
        place = chance.randint(0, len(text))
        text = (
            text[:place] + chance.choice("aZ09-_/.=:#@!v+") + text[place + chance.randint(0, 1) :]
        )
    return text


@pytest.mark.real
def test_reads_names_as_gto_does(scale: Callable[[int, int], int]) -> None:
    from gto.tag import parse_name

    chance = random.Random(9)
    kinds = {"create": "reserved"}
    valid = 0
    for _ in range(scale(20_000, 400_000)):
        name = mutate(chance, chance.choice(SEEDS))
        theirs = parse_name(name, raise_on_fail=False) or None
        ours = parse(name)
        if theirs is None:
            # GTO knows no plain versions.
            assert ours is None or ours.kind == "release", name
            continue
        assert ours is not None, name
        valid += 1
        assert (ours.model, ours.version or None, ours.stage or None, ours.counter) == (
            theirs["name"], theirs.get("version"), theirs.get("stage"), theirs.get("counter"),
        )  # fmt: skip
        kind = theirs["action"].value if "action" in theirs else "create"
        assert ours.kind == kinds.get(kind, kind)
    assert valid > 4000


@pytest.mark.parametrize(
    "name", ["churn@v1.2.0", "a=b#prod!#2", "m@deprecated#7", "m@v1.0.0-rc.1+b!", "v1.2.3", "m#1"]
)
def test_a_request_names_its_tag(name: str) -> None:
    request = parse(name)
    assert request is not None
    assert request.tag == name


@pytest.mark.parametrize(
    "name",
    ["", "v1", "v1.2", "v01.2.3", "1.2.3", "release-1", "m@", "m#", "m#prod#", "m#prod#x", "m@v1.0.0\n",
     "mé@v1.0.0", "m@v1.0.0#" + "9" * 5000, "m@v\u0661.0.0", "--@v1.0.0", "m@v1.0.0!!"],
)  # fmt: skip
def test_other_names_ask_for_nothing(name: str) -> None:
    assert parse(name) is None


def test_a_plain_version_is_a_release() -> None:
    request = parse("v1.2.3-rc.1")
    assert request is not None
    assert (request.kind, request.version, request.model) == ("release", "v1.2.3-rc.1", "")


def test_precedence_is_that_of_semver() -> None:
    # The example of section 11 of https://semver.org
    ordered = ["v1.0.0-alpha", "v1.0.0-alpha.1", "v1.0.0-alpha.beta", "v1.0.0-beta", "v1.0.0-beta.2",
               "v1.0.0-beta.11", "v1.0.0-rc.1", "v1.0.0", "v2.0.0", "v2.1.0", "v2.1.1", "v2.10.0"]  # fmt: skip
    mixed = random.Random(1).sample(ordered, k=len(ordered))
    assert sorted(mixed, key=precedence) == ordered
    assert precedence("v1.0.0+1") == precedence("v1.0.0+2")
