"""DVC files that cannot be read, held against the schema of the installed DVC; and outputs that clash."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci.checks.dvc_files_valid import _problems

ID = "dvc-files-valid"
MD5 = "d41d8cd98f00b204e9800998ecf8427e"
POINTER_TEXT = f"outs:\n- md5: {MD5}\n  size: 0\n  hash: md5\n  path: a.csv\n"

# File, content, rule, line and column, and what is said.
BAD = [
    ("a.csv.dvc", "outs:\n<<<<<<< HEAD\n- md5: x\n=======\n- md5: y\n>>>>>>>\n", "conflict", 2, 0, "conflict markers"),
    ("dvc.lock", "schema: '2.0'\nstages:\n<<<<<<< HEAD\n", "conflict", 3, 0, "conflict markers"),
    ("dvc.yaml", "stages:\n  a: [\n", "yaml", 3, 1, "broken YAML"),
    ("dvc.yaml", "stages:\n  a: {cmd: x}\n  a: {cmd: y}\n", "yaml", 3, 3, "duplicate key 'a'"),
    ("dvc.yaml", b"stages:\n  a: {cmd: \xff}\n", "yaml", 2, 0, "is not UTF-8 text"),
    ("dvc.yaml", "stages:\n  a: {cmd: x, dep: [b]}\n", "schema", 2, 15, "unknown key 'dep', did you mean deps?"),
    ("dvc.yaml", "stages:\n  a:\n    deps: [b]\n", "schema", 2, 3, "stages.a: needs the key cmd"),
    ("dvc.yaml", "stages:\n  a: {cmd: x, deps: b}\n", "schema", 2, 15, "needs a list, not 'b'"),
    ("dvc.yaml", "stages:\n  a: {cmd: x, live: {x: {}}}\n", "schema", 2, 15, "DVC 3 does not know it"),
    ("dvc.yaml", "- a\n", "schema", 1, 1, "needs a mapping, not a list"),
    ("p/dvc.yaml", "stages:\n  a: {foreach: [1]}\n", "schema", 2, 3, "needs the key do"),
    ("dvc.lock", "a:\n  cmd: x\n", "schema", 1, 1, "is a lock of DVC 1"),
    ("dvc.lock", "schema: '3.0'\nstages: {}\n", "schema", 1, 1, "DVC knows '2.0'"),
    ("dvc.lock", "schema: '2.0'\nstages:\n  a:\n    cmd: x\n    outs:\n    - path: b\n      md5: abc\n", "schema", 7, 7,
     "'abc' is no MD5"),
    ("a.csv.dvc", POINTER_TEXT.replace("e\n  size", "\n  size"), "schema", 2, 3, "is no MD5"),
    ("a.csv.dvc", f"outs:\n- md5: {MD5}\n", "schema", 2, 3, "needs the key path"),
    ("a.csv.dvc", POINTER_TEXT + "  metric: true\n", "schema", 6, 3, "metrics are declared in dvc.yaml"),
]  # fmt: skip


@pytest.mark.parametrize("case", BAD, ids=lambda case: f"{case[0]}: {case[5]}")
def test_it_finds(repo, judge, case):
    path, content, rule, line, column, what = case
    repo.write(path, content)
    repo.git("add", "--all")
    found = judge(ID)[0]
    assert (found.path, found.rule) == (path, f"{ID}/{rule}")
    assert (found.line, found.column) == (line, column)
    assert what in found.what


GOOD = {
    "a.csv.dvc": POINTER_TEXT,
    "dvc.yaml": "vars: [{x: 1}]\nstages:\n  a:\n    cmd: [x, y]\n    deps: [a.csv]\n"
    "    outs:\n    - m: {cache: false}\n  each:\n    foreach: ${x}\n    do: {cmd: 'echo ${item}'}\n"
    "plots:\n- p.csv: {x: a, y: [b, c]}\n",
    "dvc.lock": "schema: '2.0'\nstages:\n  a:\n    cmd: [x]\n    outs:\n"
    f"    - {{path: m, md5: {MD5}.dir, hash: md5}}\n",
    "empty/dvc.yaml": "",
    "empty/dvc.lock": "",
    "old.dvc": f"md5: abc\nouts:\n- md5: {MD5}.dir\n  nfiles: 2\n  path: old\n  desc: ======= x\n",
    ".dvc/config": "[core]\n",
    ".dvc/tmp.dvc": "not: ours",
    "docs/dvc.yaml.md": "<<<<<<< HEAD\n",
}  # fmt: skip


def test_it_lets_through(repo, judge):
    for path, content in GOOD.items():
        repo.write(path, content)
    repo.git("add", "--all", "--force")
    assert judge(ID) == []
    repo.commit()
    assert judge(ID, all_files=True) == []


def test_all_files_and_all_errors_are_reported(repo, judge):
    repo.write("dvc.yaml", "stages:\n  a: {cm: x}\n  b: 3\n")
    repo.write("x.dvc", "outs: 3\n")
    repo.git("add", "--all")
    assert [(one.path, one.line) for one in judge(ID)] == [
        ("dvc.yaml", 2), ("dvc.yaml", 2), ("dvc.yaml", 3), ("x.dvc", 1),
    ]  # fmt: skip


def test_what_is_not_touched_is_not_judged(repo, judge):
    repo.commit(**{"dvc.yaml": "stages: 3\n"})
    repo.commit(a="x")
    assert judge(ID) == []
    assert len(judge(ID, all_files=True)) == 1


CLASHES = [
    {"dvc.yaml": "stages:\n  a: {cmd: x, outs: [m]}\n  b: {cmd: y, outs: [m]}\n"},
    {"dvc.yaml": "stages:\n  a: {cmd: x, outs: [a.csv]}\n", "a.csv.dvc": POINTER_TEXT},
    {"dvc.yaml": "stages:\n  a: {cmd: x, outs: [d]}\n  b: {cmd: y, metrics: [d/m.json]}\n"},
    {
        "p/dvc.yaml": "stages:\n  a: {cmd: x, wdir: .., outs: [m]}\n",
        "dvc.yaml": "stages:\n  a: {cmd: x, outs: [m]}\n",
    },
]


@pytest.mark.parametrize("files", CLASHES)
def test_an_output_has_one_owner(repo, judge, files):
    for path, content in files.items():
        repo.write(path, content)
    repo.git("add", "--all")
    (found,) = judge(ID)
    assert found.rule == f"{ID}/outputs"


def test_a_broken_file_does_not_hide_a_clash_of_others(repo, judge):
    for path, content in {**CLASHES[1], "broken.dvc": "outs: [\n"}.items():
        repo.write(path, content)
    repo.git("add", "--all")
    assert {one.rule for one in judge(ID)} == {f"{ID}/yaml", f"{ID}/outputs"}


@pytest.mark.parametrize("path", ["../x", "/data/x", "a/../../x"])
def test_a_pointer_that_leads_out_is_found(repo, judge, path):
    repo.commit(**{"old.dvc": POINTER_TEXT.replace("a.csv", "../old")})
    repo.write("a.csv.dvc", POINTER_TEXT.replace("a.csv", path))
    repo.write("sub/b.csv.dvc", POINTER_TEXT.replace("a.csv", "../b.csv"))
    repo.git("add", "--all")
    assert [(one.path, one.rule) for one in judge(ID)] == [("a.csv.dvc", f"{ID}/paths")]


def test_an_old_clash_is_not_of_this_change(repo, judge):
    repo.commit(**CLASHES[1])
    repo.commit(**{"other.dvc": POINTER_TEXT.replace("a.csv", "b.csv")})
    assert judge(ID) == []
    assert len(judge(ID, all_files=True)) == 1


def test_a_merge_can_give_an_output_two_owners(repo, judge):
    """Neither file is new: each side has one. What one side had wrong before is not of the merge."""
    repo.commit(a="x")
    repo.git("switch", "-qc", "side")
    repo.commit(**{"p/dvc.yaml": CLASHES[0]["dvc.yaml"], "a.csv.dvc": POINTER_TEXT})
    repo.git("switch", "-q", "main")
    repo.commit(**{"dvc.yaml": CLASHES[1]["dvc.yaml"]})
    repo.git("merge", "-q", "--no-commit", "side")
    (found,) = judge(ID)
    assert found.rule == f"{ID}/outputs"
    assert "a.csv" in found.what


@pytest.mark.parametrize("path", ["../x", "/data/x", "C:/data/x"])
def test_a_path_that_leads_out_is_found(repo, judge, path):
    repo.write("dvc.yaml", f"stages:\n  a: {{cmd: x, deps: ['{path}'], outs: ['{path}']}}\n")
    repo.git("add", "--all")
    assert [(one.rule, one.level) for one in judge(ID)] == [
        (f"{ID}/paths", "error"),
        (f"{ID}/paths", "warning"),
    ]


def test_a_path_between_folders_is_none_that_leads_out(repo, judge):
    repo.write("p/dvc.yaml", "stages:\n  a: {cmd: x, deps: [../src, 's3://b/x'], outs: [../m]}\n")
    repo.git("add", "--all")
    assert judge(ID) == []


# The schema of the installed DVC decides.

ENTRY = {"path": "a", "md5": MD5, "size": 1, "hash": "md5", "nfiles": 2, "isexec": True}
DOCUMENTS = {
    "pointer": {
        "wdir": "..", "frozen": True, "desc": "x", "meta": {"a": 1}, "md5": MD5,
        "deps": [{"path": "a", "repo": {"url": "x", "rev_lock": "y"}}, {"path": "s3://a", "etag": "abc"}],
        "outs": [{**ENTRY, "cache": False, "push": False, "remote": "r", "labels": ["a"], "type": "x"},
                 {"path": "b", "files": [{"relpath": "c", "md5": MD5, "cloud": {"s3": {"etag": "abc"}}}]}],
    },
    "pipeline": {
        "vars": ["a.yaml", {"x": 1}], "params": ["p.yaml"], "metrics": ["m.json"],
        "artifacts": {"m": {"path": "m", "type": "model"}},
        "plots": ["a.csv", {"b.csv": {"x": "a", "y": ["b"], "title": "t"}}, {"c": None}, {"d": {"y": {"a": ["b"]}}}],
        "stages": {
            "a": {"cmd": "x", "wdir": "w", "deps": ["a"], "params": ["lr", {"b.json": ["c"]}, {"w.toml": None}],
                  "outs": ["o", {"p": {"cache": False, "persist": True, "desc": "x"}}], "frozen": True, "desc": "d",
                  "metrics": [{"m.json": {"cache": False}}], "meta": 3, "always_changed": False, "vars": [{"y": 2}],
                  "plots": ["p.csv", {"q.csv": {"x": "a", "cache": False}}, {"r.csv": [{"y": "a"}, {"y": "b"}]}]},
            "b": {"foreach": ["x"], "do": {"cmd": ["x", "y"]}},
            "c": {"matrix": {"a": ["x"], "b": "${l}"}, "cmd": "x"},
        },
    },
    "lock": {
        "schema": "2.0", "datasets": [{"a": 1}],
        "stages": {"a": {"cmd": "x", "deps": [ENTRY], "outs": [{**ENTRY, "cloud": {"s3": {"etag": "abc"}}}],
                         "params": {"params.yaml": {"lr": 1}}}, "b@1": {"cmd": ["x"]}},
    },
}  # fmt: skip
OTHERS = [None, "text", 1.5, [], {}, ["a"], {"a": "b"}, [3], {3: "b"}, {"path": "x"}]
FILES = {"pointer": "a.dvc", "pipeline": "dvc.yaml", "lock": "dvc.lock"}


def theirs(kind: str) -> Any:
    from dvc import schema

    return {
        "pointer": schema.COMPILED_SINGLE_STAGE_SCHEMA,
        "pipeline": schema.COMPILED_MULTI_STAGE_SCHEMA,
        "lock": schema.COMPILED_LOCKFILE_SCHEMA,
    }[kind]


def accepts(kind: str, document: Any) -> bool:
    from voluptuous import Invalid

    try:
        theirs(kind)(document)
    except Invalid:
        return False
    return True


def containers(value: Any):
    if isinstance(value, (dict, list)):
        yield value
        for child in value.values() if isinstance(value, dict) else value:
            yield from containers(child)


@st.composite
def damaged(draw):
    kind = draw(st.sampled_from(sorted(DOCUMENTS)))
    document = copy.deepcopy(DOCUMENTS[kind])
    where = draw(st.sampled_from(list(containers(document))))
    other = draw(
        st.sampled_from(
            [None, "text", 1.5, [], {}, ["a"], {"a": "b"}, [3], {3: "b"}, {"path": "x"}]
        )
    )
    key = draw(
        st.sampled_from(list(where) if isinstance(where, dict) else range(len(where)))
        if where
        else st.just("x")
    )
    action = draw(st.sampled_from(["replace", "remove", "add"]))
    if action == "replace" and where:
        where[key] = other
    elif action == "remove" and where:
        del where[key]
    elif isinstance(where, dict):
        where[draw(st.sampled_from(["extra", "cmd", "path", "deps", "live", "do"]))] = other
    return kind, document


@pytest.mark.real
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_dvc_accepts_the_documents_and_so_do_we(kind):
    assert accepts(kind, copy.deepcopy(DOCUMENTS[kind]))
    assert list(_problems(FILES[kind], DOCUMENTS[kind])) == []


@pytest.mark.real
@settings(deadline=None)
@given(damaged())
def test_we_accept_what_dvc_accepts(case):
    """But for an output without a path, which its schema lets through and which then ends DVC with a KeyError, and for
    an MD5 that is none.
    """
    kind, document = case
    found = [what for _, what in _problems(FILES[kind], document) if "is no MD5" not in what]
    if kind == "pointer":
        found = [what for what in found if what != "needs the key path"]
    assert (not found) == accepts(kind, copy.deepcopy(document)), found


def test_in_a_merge_a_side_can_be_taken(repo, judge):
    pointer = "outs:\n- md5: %s\n  path: a\n"
    repo.commit(**{"a.dvc": pointer % ("0" * 32)})
    repo.git("switch", "-qc", "side")
    repo.commit(**{"a.dvc": pointer % ("1" * 32)})
    repo.git("switch", "-q", "main")
    repo.commit(**{"a.dvc": pointer % ("2" * 32)})
    with pytest.raises(AssertionError):
        repo.git("merge", "side")
    repo.git("add", "a.dvc")
    (found,) = judge(ID)
    assert found.fix.startswith("git checkout HEAD -- a.dvc && dvc checkout a.dvc\n")
    repo.git("checkout", "HEAD", "--", "a.dvc")
    assert judge(ID) == []
