"""`dataclass`, in an eighth of its time for what is frozen and has named fields only, as nearly all here is.

The standard one compiles six functions a class; for the hundred classes of a start that is a third of the start
(https://github.com/python/cpython/issues/109870). Here nothing is compiled, and one `__init__` serves all.
`fields`, `replace` and `asdict` work as ever.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - so that type checkers know what it does
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        if cls is None:
            return lambda one: dataclass(one, **options)
        if options != {"frozen": True, "kw_only": True}:
            return dataclasses.dataclass(cls, **options)
        return _frozen(cls)


def _frozen(cls: type) -> Any:
    made: Any = dataclasses.dataclass(cls, init=False, repr=False, eq=False, kw_only=True)
    content = attrgetter(*(one.name for one in dataclasses.fields(made)))

    def equal(self: Any, other: Any) -> Any:
        return content(self) == content(other) if type(self) is type(other) else NotImplemented

    methods = {
        "__init__": _init(made),
        "__eq__": equal,
        "__hash__": lambda self: hash(content(self)),
        "__repr__": _repr,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
    }
    for name in methods.keys() - cls.__dict__.keys():
        setattr(made, name, methods[name])
    return made


def _init(made: Any) -> Any:
    fields = dataclasses.fields(made)
    names = {one.name for one in fields}
    missing = dataclasses.MISSING
    defaults = {one.name: one.default for one in fields if one.default is not missing}
    makers = [(o.name, o.default_factory) for o in fields if o.default_factory is not missing]
    check = getattr(made, "__post_init__", None)

    def init(self: Any, **given: Any) -> None:
        state = self.__dict__
        state.update(defaults)
        state.update(given)
        for name, make in makers:
            if name not in given:
                state[name] = make()
        if state.keys() != names:
            wrong = ", ".join(sorted(state.keys() ^ names))
            raise TypeError(f"{made.__qualname__}: missing or unknown: {wrong}")
        if check:
            check(self)

    return init


def _repr(self: Any) -> str:
    shown = (one.name for one in dataclasses.fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(f'{n}={getattr(self, n)!r}' for n in shown)})"


def _refuse(self: Any, name: str, *_: Any) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot change {name!r} of {type(self).__qualname__}")
