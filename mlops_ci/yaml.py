"""YAML 1.2, as DVC reads it, on PyYAML's C parser, which by itself speaks YAML 1.1.

In YAML 1.1 `lr: 1e-3` is text, `on` is true and `010` is eight. Files written for DVC mean 0.001, "on" and ten.
https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import yaml

from mlops_ci.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

# An alias costs nothing to write and everything to expand. https://en.wikipedia.org/wiki/Billion_laughs_attack
MAX_EXPANDED_NODES = 1_000_000

# A shorter text cannot be nested deeply enough to hurt.
_DEEP, _MAX_DEPTH = 4_000, 200
# So much text counts as one more value.
_CHARACTERS = 16

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


def _resolver(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(_TAG + tag, re.compile(pattern, re.VERBOSE), list(first))


_resolver("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolver(
    "float",
    r"""^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+
    |[-+]?\._*[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?\.(?:inf|Inf|INF)
    |\.(?:nan|NaN|NAN))$""",
    "-+0123456789.",
)
_resolver(
    "int",
    r"^(?:[-+]?_*[0-9][0-9_]*|[-+]?0b[01_]+|[-+]?0o[0-7_]+|[-+]?0x[0-9a-fA-F_]+)$",
    "-+0123456789",
)
_resolver("merge", r"^(?:<<)$", "<")
_Loader.add_implicit_resolver(
    _TAG + "null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)


def _float(text: str) -> float:
    text = text.replace("_", "").lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


_INT_BASES = {"0b": 2, "0o": 8, "0x": 16}


def _int(text: str) -> int:
    digits = text.replace("_", "").lower()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    base = _INT_BASES.get(digits[:2])
    return sign * (int(digits) if base is None else int(digits[2:], base))


_SCALARS: dict[str, Callable[[str], Any]] = {
    _TAG + "str": str,
    _TAG + "bool": lambda text: text.lower() == "true",
    _TAG + "int": _int,
    _TAG + "float": _float,
    _TAG + "null": lambda _: None,
    _TAG + "binary": lambda text: base64.b64decode(text).hex(),
}


def load(text: str, path: str) -> Any:
    """The one document in `text`, as dicts, lists and scalars; None when it is empty. Unknown tags are ignored.

    Raises UnreadableError, `path:line:col: what`, for broken YAML, duplicate keys and documents that explode.
    """
    return _Builder(path).value(compose(text, path))


def load_marked(text: str, path: str) -> tuple[Any, dict[tuple[Any, ...], tuple[int, int]]]:
    """As `load`, and for each path of keys the line and column (both from 1) where the key, or the item, begins."""
    node = compose(text, path)
    marks: dict[tuple[Any, ...], tuple[int, int]] = {}
    value = _Builder(path).value(node)
    if node is not None:
        _mark(node, (), marks)
    return value, marks


def compose(text: str, path: str) -> yaml.Node | None:
    try:
        aliases = "&" in text and "*" in text
        if aliases or len(text) > _DEEP:
            _check_depth(text, path)
        loader = _Loader(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        raise UnreadableError(f"{where}: broken YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UnreadableError(f"{path}: broken YAML: {reason}") from error
    if node is not None and aliases:
        _check_expansion(node, path)
    return node


def _check_depth(text: str, path: str) -> None:
    """PyYAML's composer in C calls itself for every level and ends the process when the stack does."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise UnreadableError(f"{path}: nested too deeply")


def _check_expansion(node: yaml.Node, path: str) -> None:
    try:
        size = _expanded_size(node, {})
    except RecursionError:
        raise UnreadableError(f"{path}: a YAML alias contains itself") from None
    if size > MAX_EXPANDED_NODES:
        raise UnreadableError(
            f"{path}: its YAML aliases expand to more than {MAX_EXPANDED_NODES:,} values"
        )


def _expanded_size(node: yaml.Node, known: dict[int, int]) -> int:
    if id(node) not in known:
        children: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            children = node.value
        elif isinstance(node, yaml.MappingNode):
            children = [child for pair in node.value for child in pair]
        own = 1 + len(node.value) // _CHARACTERS if isinstance(node, yaml.ScalarNode) else 1
        known[id(node)] = own + sum(_expanded_size(child, known) for child in children)
    return known[id(node)]


class _Builder:
    """Builds plain values from a node graph; faster than PyYAML's constructors, and strict about keys."""

    def __init__(self, path: str) -> None:
        self.path = path

    def value(self, node: yaml.Node | None) -> Any:
        if node is None:
            return None
        try:
            return self._build(node)
        except RecursionError:
            raise UnreadableError(f"{self.path}: nested too deeply") from None

    def _build(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self._build(child) for child in node.value]
        return self._mapping(node)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        try:
            return _SCALARS.get(node.tag, str)(node.value)
        except ValueError as error:
            self._fail(node, f"{node.value!r} is not a {node.tag.removeprefix(_TAG)}", error)

    def _mapping(self, node: yaml.Node) -> dict[Any, Any]:
        own: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged = self._merge(value_node) | merged
                continue
            key = self._key(key_node)
            if key in own:
                self._fail(key_node, f"duplicate key {key!r}")
            own[key] = self._build(value_node)
        return merged | own if merged else own

    def _merge(self, node: yaml.Node) -> dict[Any, Any]:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, "`<<` needs a mapping")
        merged: dict[Any, Any] = {}
        for child in node.value:
            merged = self._merge(child) | merged
        return merged

    def _key(self, node: yaml.Node) -> Any:
        key = self._build(node)
        if isinstance(key, (list, dict)):
            self._fail(node, "a list or a mapping cannot be a key")
        return key

    def _fail(self, node: yaml.Node, what: str, cause: Exception | None = None) -> Any:
        mark = node.start_mark
        raise UnreadableError(f"{self.path}:{mark.line + 1}:{mark.column + 1}: {what}") from cause


def _mark(
    node: yaml.Node, path: tuple[Any, ...], marks: dict[tuple[Any, ...], tuple[int, int]]
) -> None:
    marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _mark(child, (*path, index), marks)
    elif isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            here = (
                (*path, _SCALARS.get(key.tag, str)(key.value))
                if isinstance(key, yaml.ScalarNode)
                else path
            )
            marks[here] = (key.start_mark.line + 1, key.start_mark.column + 1)
            _mark(child, here, marks)
