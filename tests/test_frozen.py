"""What `mlops_ci.frozen` makes behaves as what `dataclasses` makes, side by side."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field
from typing import Any

import pytest

from mlops_ci.frozen import dataclass

pytestmark = pytest.mark.contract


@dataclass(frozen=True, kw_only=True)
class Quick:
    """One."""

    name: str
    count: int = 1
    parts: list[str] = field(default_factory=list)
    content: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count")


@dataclass(frozen=True, kw_only=True)
class Longer(Quick):
    """Two."""

    more: str = "x"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Standard:
    """One."""

    name: str
    count: int = 1
    parts: list[str] = field(default_factory=list)
    content: bytes = field(default=b"", repr=False)


def same(**values: Any) -> tuple[Any, Any]:
    return Quick(**values), Standard(**values)


def test_content_and_words_are_those_of_a_dataclass() -> None:
    quick, standard = same(name="a", content=b"secret")
    assert dataclasses.asdict(quick) == dataclasses.asdict(standard)
    assert repr(quick) == repr(standard).replace("Standard", "Quick")
    assert [one.name for one in dataclasses.fields(quick)] == ["name", "count", "parts", "content"]


def test_equal_is_what_holds_the_same_in_the_same_class() -> None:
    assert Quick(name="a") == Quick(name="a")
    assert Quick(name="a") != Quick(name="b")
    assert Quick(name="a") != Longer(name="a")
    assert Quick(name="a") != Standard(name="a")
    with pytest.raises(TypeError, match="unhashable"):
        hash(Quick(name="a"))
    assert len({Longer(name="a", parts=()), Longer(name="a", parts=())}) == 1  # type: ignore[arg-type]


def test_nothing_can_be_changed() -> None:
    one = Quick(name="a")
    with pytest.raises(FrozenInstanceError):
        one.name = "b"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del one.name
    assert one.name == "a"


def test_each_has_parts_of_its_own() -> None:
    Quick(name="a").parts.append("x")
    assert Quick(name="a").parts == []


@pytest.mark.parametrize("values", [{}, {"name": "a", "nmae": "b"}, {"nmae": "a"}, {"count": 1}])
def test_missing_and_unknown_names_are_refused(values: dict[str, Any]) -> None:
    for kind in (Quick, Standard):
        with pytest.raises(TypeError):
            kind(**values)
    with pytest.raises(TypeError):
        Quick("a")  # type: ignore[misc]


def test_what_it_checks_it_checks_again_when_replaced() -> None:
    with pytest.raises(ValueError, match="count"):
        dataclasses.replace(Quick(name="a"), count=-1)
    assert dataclasses.replace(Longer(name="a"), more="y") == Longer(name="a", more="y")


def test_copies_are_equal() -> None:
    one = Longer(name="a", parts=["x"])
    for other in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert other == one
