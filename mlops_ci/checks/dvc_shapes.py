"""What DVC 3 accepts in its files. https://github.com/treeverse/dvc/blob/main/dvc/schema.py

A test holds this against the schema that the installed DVC has.
"""

from __future__ import annotations

from mlops_ci.checks.shapes import Either, Fields, Rows, Table

_TEXT_OR_NONE = (str, None)
_HASH = (str, int, None)
_NOTES = {"desc": str, "type": str, "labels": Rows(str), "meta": object}
_SUMS = {"md5": _HASH, "checksum": _HASH, "etag": _HASH}
_META = {"size": int, "nfiles": int, "isexec": bool, "version_id": str}
_CLOUD = Table(Fields({**_META, **_SUMS}), most=1)
_LISTED = Fields({**_SUMS, **_META, "relpath": str, "cloud": _CLOUD}, required=("relpath",))
_ENTRY = {
    **_SUMS,
    **_META,
    "path": str,
    "persist": bool,
    "cloud": _CLOUD,
    "hash": str,
    "files": Rows(_LISTED),
    "fs_config": dict,
}
_OLD_OUT = {
    "metric": "DVC 3 does not know it; metrics are declared in dvc.yaml",
    "plot": "DVC 3 does not know it; plots are declared in dvc.yaml",
    "checkpoint": "DVC 3 does not know it",
}
_REPO = Fields(
    {"url": str, "rev": str, "rev_lock": str, "config": (str, dict), "remote": (str, dict)},
    required=("url",),
)
_DB = Fields({"query": str, "connection": str, "file_format": str, "table": str})
POINTER = Fields(
    {
        "md5": _HASH,
        "wdir": _TEXT_OR_NONE,
        "deps": (Rows(Fields({**_ENTRY, "repo": _REPO, "db": _DB})), None),
        "outs": (
            Rows(
                Fields(
                    {**_ENTRY, **_NOTES, "cache": bool, "remote": str, "push": bool},
                    required=("path",),
                    gone=_OLD_OUT,
                )
            ),
            None,
        ),
        "locked": bool,
        "frozen": bool,
        "meta": object,
        "always_changed": bool,
        "desc": str,
    },
    gone={"cmd": "stages belong into dvc.yaml since DVC 1: dvc stage add"},
)

_DATA = Fields(
    {**_SUMS, **_META, "path": str, "cloud": _CLOUD, "files": Rows(_LISTED), "hash": str, "dataset": dict},
    required=("path",),
)  # fmt: skip
LOCK = Fields(
    {
        "schema": str,
        "datasets": object,
        "stages": Table(
            Fields(
                {
                    "cmd": (str, list),
                    "deps": Rows(_DATA),
                    "params": Table(Table(object)),
                    "outs": Rows(_DATA),
                },
                required=("cmd",),
            )
        ),
    },
    required=("schema",),
)

_OUT = {**_NOTES, "cache": bool, "persist": bool, "checkpoint": bool, "remote": str, "push": bool}
_PLOT_PROPS = {
    "template": str, "x": str, "y": str, "x_label": str, "y_label": str, "title": str, "header": bool,
}  # fmt: skip
_STAGE_PLOT = Fields({**_OUT, **_PLOT_PROPS})
_VARS = Rows((str, dict))
_STAGE = Fields(
    {
        "matrix": Table((str, list)),
        "cmd": (str, list),
        "wdir": str,
        "deps": Rows(str),
        "params": Rows((str, dict)),
        "vars": _VARS,
        "frozen": bool,
        "meta": object,
        "desc": str,
        "always_changed": bool,
        "outs": Rows((str, Table(Fields(_OUT)))),
        "metrics": Rows((str, Table(Fields(_OUT)))),
        "plots": Rows((str, Table((_STAGE_PLOT, Rows(_STAGE_PLOT))))),
    },
    required=("cmd",),
    gone={"live": "DVC 3 does not know it; use dvclive, and metrics and plots"},
)
_FOREACH = Fields({"foreach": (dict, list, str), "do": _STAGE}, required=("foreach", "do"))
_PLOT = Fields({
    "x": (str, Table(str)),
    "y": (str, Rows(str), Table((str, Rows(str)))),
    "x_label": str, "y_label": str, "title": str, "template": str,
})  # fmt: skip
PIPELINE = Fields({
    "datasets": object,
    "plots": Rows((str, Table((_PLOT, None), least=1))),
    "stages": Table(Either(_STAGE, _FOREACH, frozenset({"foreach", "do"}))),
    "vars": _VARS,
    "params": Rows(str),
    "metrics": Rows(str),
    "artifacts": Table(Fields({**_NOTES, "path": str}, required=("path",))),
})  # fmt: skip
