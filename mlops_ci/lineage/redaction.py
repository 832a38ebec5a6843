"""What must not get into a Record: it is kept, copied and published."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlops_ci.http import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REDACTED = "(redacted)"
# Only what shapes a result, and never holds a secret.
_VARIABLES = frozenset(
    """BLIS_NUM_THREADS CUBLAS_WORKSPACE_CONFIG CUDA_VISIBLE_DEVICES LANG LC_ALL MKL_CBWR MKL_NUM_THREADS MLOPS_CI_SEED
    NUMEXPR_NUM_THREADS NVIDIA_TF32_OVERRIDE OMP_NUM_THREADS OPENBLAS_CORETYPE OPENBLAS_NUM_THREADS POLARS_MAX_THREADS
    PYTHONHASHSEED RAYON_NUM_THREADS SOURCE_DATE_EPOCH TF_CUDNN_DETERMINISTIC TF_DETERMINISTIC_OPS TZ
    VECLIB_MAXIMUM_THREADS""".split()
)
_PLAIN = re.compile(r"[\w:.,+/ -]{0,100}", re.ASCII)
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)|secret|token(?!i)|credential|api[_-]?key|private[_-]?key|access[_-]?key",
    re.IGNORECASE,
)
# In the line of a shell: `--api-key VALUE`, `--api-key=VALUE`, `API_KEY=VALUE command`.
_SECRET_IN_LINE = re.compile(
    rf"""([\w-]*(?:{_SECRET_NAME.pattern})[\w-]*=|-[\w-]*(?:{_SECRET_NAME.pattern})[\w-]*\s+)"""
    r"""(?:"[^"]*"|'[^']*'|[^\s"';|&]+)+""",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://\S+")


def is_secret(name: str) -> bool:
    """Whether a variable, an option or a param is named like one that holds a secret."""
    return bool(_SECRET_NAME.search(name))


def variables(exported: Mapping[str, str]) -> dict[str, str]:
    """Those of known names with harmless values."""
    known = {name: exported[name] for name in sorted(exported) if name in _VARIABLES}
    return {name: value for name, value in known.items() if _PLAIN.fullmatch(value)}


def command(arguments: Iterable[str]) -> list[str]:
    """A command line without passwords in addresses and without the values of options that are named like one."""
    found, hide = [], False
    for argument in arguments:
        option, equals, _ = argument.partition("=")
        secret = is_secret(option)
        if hide:
            found.append(REDACTED)
        elif " " in argument:  # a whole line, for a shell
            found.append(text(_SECRET_IN_LINE.sub(rf"\1{REDACTED}", argument)))
            secret = False
        elif secret and equals:
            found.append(f"{option}={REDACTED}")
        else:
            found.append(text(argument))
        hide = secret and not equals and argument.startswith("-") and not hide
    return found


def text(value: str) -> str:
    """Addresses in it without user, password and query."""
    return _ADDRESS.sub(lambda match: redact(match[0]), value)


def param(name: str, value: Any) -> Any:
    """The value of a param, unless its name says that it is a secret. Numbers are none: `max_tokens`."""
    if isinstance(value, str):
        return REDACTED if is_secret(name) else text(value)
    if isinstance(value, list):
        return [param(name, one) for one in value]
    if isinstance(value, dict):
        return {str(key): param(f"{name}.{key}", one) for key, one in value.items()}
    return value
