"""What a change makes stale, on projects whose dvc.lock is written here, as DVC writes it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlops_ci.checks import catalog
from mlops_ci.checks.run import run_checks
from mlops_ci.checks.scope import Asked
from mlops_ci.checks.settings import with_pairs
from mlops_ci.stack.data.dvc.hashes import listing_md5

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_ci.checks.run import Report

ID = "dvc-lock-in-sync"
PIPELINE = {
    "stages": {
        "prepare": {"cmd": "prepare", "deps": ["prepare.py", "raw.csv"], "outs": ["table.csv"]},
        "train": {
            "cmd": "train ${lr}",
            "deps": ["src", "table.csv"],
            "params": ["lr"],
            "outs": ["model.bin"],
            "metrics": [{"metrics.json": {"cache": False}}],
        },
    }
}
FILES: dict[str, str] = {
    ".dvc/config": "",
    ".gitignore": "/raw.csv\n/table.csv\n/model.bin\n",
    "dvc.yaml": yaml.safe_dump(PIPELINE, sort_keys=False),
    "metrics.json": '{"acc": 0.5}\n',
    "params.yaml": "lr: 0.1\nother: 1\n",
    "prepare.py": "a\nb\n",
    "raw.csv.dvc": f"outs:\n- md5: {'1' * 32}\n  size: 3\n  hash: md5\n  path: raw.csv\n",
    "src/lib.py": "x\n",
    "src/main.py": "y\n",
}
NEW_DATA = FILES["raw.csv.dvc"].replace("1" * 32, "4" * 32)


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def entry(path: str, value: str) -> dict[str, str]:
    return {"path": path, "hash": "md5", "md5": value}


def lock(files: dict[str, str], raw: str = "1" * 32, lr: Any = 0.1) -> dict[str, Any]:
    inner = {name[4:]: md5(text) for name, text in files.items() if name.startswith("src/")}
    table = entry("table.csv", "2" * 32)
    return {
        "schema": "2.0",
        "stages": {
            "prepare": {
                "cmd": "prepare",
                "deps": [entry("prepare.py", md5(files["prepare.py"])), entry("raw.csv", raw)],
                "outs": [table],
            },
            "train": {
                "cmd": f"train {lr}",
                "deps": [entry("src", listing_md5(inner)), table],
                "params": {"params.yaml": {"lr": lr}},
                "outs": [
                    entry("metrics.json", md5(files["metrics.json"])),
                    entry("model.bin", "3" * 32),
                ],
            },
        },
    }


@pytest.fixture
def project(repo: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project in sync, without any data. No dvc is found."""
    for path, text in FILES.items():
        repo.write(path, text)
    repo.write("dvc.lock", yaml.safe_dump(lock(FILES)))
    repo.commit()
    monkeypatch.setattr("mlops_ci.stack.data.dvc.find_dvc", lambda *_: None)
    return repo


def run(repo: Any, *pairs: str, **asked: Any) -> Report:
    adjust: Callable[[Any], Any] = lambda settings: with_pairs(settings, ID, list(pairs))  # noqa: E731
    return run_checks(repo.path, [catalog.entry(ID)], Asked(**asked), adjust)


def stage(repo: Any, **files: str) -> None:
    for path, text in files.items():
        repo.write(path, text)
    repo.git("add", "--all")


def rules(report: Report) -> list[str]:
    return [f"{one.rule.partition('/')[2] or '-'}:{one.level}" for one in report.findings]


def test_a_fresh_clone_without_data_is_in_sync(project: Any) -> None:
    clone = type(project)(project.path.parent / "clone")
    project.git("clone", "-q", str(project.path), str(clone.path))
    report = run(clone, "strict=true", all_files=True)
    assert (report.findings, report.exit_code) == ([], 0)


@pytest.mark.parametrize(
    ("path", "text", "rule", "code", "what"),
    [
        ("params.yaml", "lr: 2\n", "command:error", 1, "train is stale: dvc.yaml is not the command"),
        ("params.yaml", "lr: 1e-1\nother: 2\n", None, 0, ""),
        ("prepare.py", "a\nc\n", "code:warning", 0, "prepare is stale: prepare.py is not the file"),
        ("src/main.py", "z\n", "code:warning", 0, "train is stale: src is not the folder"),
        ("src/new.py", "z\n", "code:warning", 0, "train is stale: src is not the folder"),
        ("raw.csv.dvc", NEW_DATA, "data:error", 1, "raw.csv is not the version"),
        ("metrics.json", "{}\n", "outs:error", 1, "metrics.json is not the file that was hashed"),
        ("prepare.py", "a\r\nb\r\n", "line-ends:warning", 0, "hashed with other line ends"),
        ("README.md", "hello\n", None, 0, ""),
        (".dvcignore", "main.py\n", "code:warning", 0, "src is not the folder"),
    ],
)  # fmt: skip
def test_a_change_makes_a_stage_stale(
    project: Any, path: str, text: str, rule: str | None, code: int, what: str
) -> None:
    stage(project, **{path: text})
    report = run(project)
    assert report.exit_code == code
    assert (rule is None and not report.findings) or rule in rules(report)
    assert any(what in one.what for one in report.findings) or rule is None


def test_params_are_told_with_both_values(project: Any) -> None:
    body = FILES["dvc.yaml"].replace("train ${lr}", "train 0.1")
    stage(project, **{"dvc.yaml": body, "params.yaml": "lr: 0.2\n"})
    (found,) = run(project).findings
    assert found.rule == f"{ID}/params"
    assert found.what == "stage train is stale: params.yaml:lr is 0.2, the stage ran with 0.1"
    assert (found.path, found.line) == ("dvc.yaml", 9)
    assert found.fix == "dvc repro train && git add dvc.lock"


def test_a_run_makes_it_right_again(project: Any) -> None:
    files = {**FILES, "src/main.py": "z\n", "params.yaml": "lr: 0.2\n"}
    stage(project, **files, **{"dvc.lock": yaml.safe_dump(lock(files, lr=0.2))})
    assert run(project).findings == []


def test_what_another_stage_made_anew(project: Any) -> None:
    body = lock(FILES)
    body["stages"]["prepare"]["outs"] = [entry("table.csv", "5" * 32)]
    stage(project, **{"dvc.lock": yaml.safe_dump(body)})
    (found,) = run(project).findings
    assert found.what == "stage train is stale: table.csv was made anew by prepare since"
    assert (found.rule, found.level) == (f"{ID}/upstream", "error")


def test_a_new_stage_has_not_run(project: Any) -> None:
    stage(
        project,
        **{"dvc.yaml": FILES["dvc.yaml"] + "  report:\n    cmd: r\n    deps: [metrics.json]\n"},
    )
    (found,) = run(project).findings
    assert (found.rule, found.line) == (f"{ID}/never-run", 21)


def test_old_drift_is_one_line(project: Any) -> None:
    project.commit(**{"prepare.py": "old drift\n"})
    stage(project, **{"dvc.yaml": FILES["dvc.yaml"].replace("cmd: prepare", "cmd: prepare -v")})
    report = run(project)
    assert rules(report) == ["command:error", "drift:note"]
    assert report.findings[1].what == "stages from before this change: 1 stale (code 1)"
    assert rules(run(project, "strict=true")) == ["command:error", "code:warning"]


def test_a_change_that_does_not_concern_dvc_says_nothing_of_old_drift(project: Any) -> None:
    plain = FILES["dvc.yaml"].replace("${lr}", "0.1")
    project.commit(**{"prepare.py": "old drift\n", "dvc.yaml": plain})
    stage(project, **{"README.md": "x"})
    assert run(project).findings == []


def test_all_files_is_one_line_unless_strict(project: Any) -> None:
    project.commit(**{"raw.csv.dvc": NEW_DATA})
    assert rules(run(project, all_files=True)) == ["drift:note"]
    report = run(project, "strict=true", all_files=True)
    assert (rules(report), report.exit_code) == (["data:error"], 1)


@pytest.mark.parametrize(
    "path", ["dvc.yaml", "dvc.lock", "raw.csv.dvc", "params.yaml", "prepare.py"]
)
@pytest.mark.parametrize("strict", ["true", "false"])
def test_a_damaged_object_of_an_unchanged_file_is_undecided(
    project: Any, path: str, strict: str
) -> None:
    oid = project.git("rev-parse", f":{path}")
    damaged = project.path / ".git/objects" / oid[:2] / oid[2:]
    damaged.chmod(0o644)
    damaged.write_bytes(b"no zlib")
    report = run(project, f"strict={strict}", all_files=True)
    assert report.exit_code == 3
    assert any(path in one.what or one.path == path for one in report.findings if one.undecided)


def test_a_range_is_judged_by_what_it_brings(project: Any) -> None:
    first = project.git("rev-parse", "HEAD")
    project.commit(**{"prepare.py": "one\n"})
    second = project.commit(**{"raw.csv.dvc": NEW_DATA})
    third = project.commit(**{"README.md": "x"})
    assert rules(run(project, from_ref=first, to_ref=third)) == ["code:warning", "data:error"]
    assert rules(run(project, from_ref=second, to_ref=third)) == ["drift:note"]


def test_partial_staging_is_judged_by_the_index(project: Any) -> None:
    stage(project, **{"README.md": "x"})
    project.write("params.yaml", "lr: 5\n")
    assert run(project).findings == []
    project.git("add", "params.yaml")
    project.write("params.yaml", FILES["params.yaml"])
    assert run(project).exit_code == 1


def test_a_deleted_pointer_and_a_deleted_file(project: Any) -> None:
    project.git("rm", "-q", "raw.csv.dvc", "prepare.py")
    report = run(project)
    assert [one.rule for one in report.findings] == [f"{ID}/absent"]
    assert "raw.csv is neither in Git nor tracked by DVC" in report.findings[0].what


def test_a_merge_is_not_blamed_for_what_one_side_had(project: Any) -> None:
    project.git("checkout", "-q", "-b", "side")
    project.commit(**{"raw.csv.dvc": NEW_DATA})
    project.git("checkout", "-q", "main")
    project.commit(**{"README.md": "x"})
    project.git("merge", "-q", "--no-commit", "--no-ff", "side")
    assert "data:error" not in rules(run(project))


def test_line_ends_come_with_the_rule_for_gitattributes(project: Any) -> None:
    body = lock({**FILES, "prepare.py": "a\r\nb\r\n"})
    stage(project, **{"dvc.lock": yaml.safe_dump(body)})
    (found,) = run(project).findings
    assert (found.rule, found.level) == (f"{ID}/line-ends", "warning")
    assert "printf '%s\\n' '/prepare.py -text' >> .gitattributes" in found.fix


def test_line_ends_of_many_files_are_one_finding_with_a_rule_for_each(project: Any) -> None:
    names = [f"part{number}.py" for number in range(7)]
    body: Any = {"schema": "2.0", "stages": {}}
    stages: Any = {}
    for name in names:
        stages[name[:-3]] = {"cmd": name, "deps": [name]}
        body["stages"][name[:-3]] = {"cmd": name, "deps": [entry(name, md5("a\r\n"))]}
    text = yaml.safe_dump({"stages": stages})
    stage(
        project,
        **dict.fromkeys((f"many/{name}" for name in names), "a\n"),
        **{"many/dvc.yaml": text, "many/dvc.lock": yaml.safe_dump(body)},
    )
    (found,) = run(project).findings
    assert found.what.endswith("and 2 more were hashed with other line ends")
    assert all(f"'/many/{name} -text'" in found.fix for name in names)


def test_the_hook_is_named_as_it_can_be_typed(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.commit(**{"raw.csv.dvc": NEW_DATA})
    assert "see each: mlops-ci-dvc-lock" in run(project, all_files=True).findings[0].fix
    monkeypatch.setenv("PRE_COMMIT", "1")
    monkeypatch.setattr("sys.argv", ["/cache/its env/bin/mlops-ci-dvc-lock-in-sync"])
    fix = run(project, all_files=True).findings[0].fix
    assert fix.startswith("to see each: '/cache/its env/bin/mlops-ci-dvc-lock-in-sync' --all-files")


def test_git_attributes_say_what_is_on_disk(project: Any) -> None:
    body = lock({**FILES, "prepare.py": "a\r\nb\r\n"})
    stage(
        project,
        **{"dvc.lock": yaml.safe_dump(body), ".gitattributes": "prepare.py text eol=crlf\n"},
    )
    assert run(project).findings == []


def test_levels_by_reason(project: Any) -> None:
    stage(project, **{"prepare.py": "new\n"})
    assert run(project, "code=error").exit_code == 1
    assert run(project, "code=off").findings == []
    assert rules(run(project, "code=note")) == ["code:note"]


def test_a_part_of_a_folder_in_the_cache_is_undecided(project: Any) -> None:
    folder = f"outs:\n- md5: {'6' * 32}.dir\n  hash: md5\n  path: data\n"
    more = FILES["dvc.yaml"] + "  part:\n    cmd: p\n    deps: [data/a.csv]\n"
    body = lock(FILES)
    body["stages"]["part"] = {"cmd": "p", "deps": [entry("data/a.csv", "7" * 32)]}
    files = {"data.dvc": folder, "dvc.yaml": more, "dvc.lock": yaml.safe_dump(body)}
    stage(project, **files)
    report = run(project)
    (found,) = report.findings
    assert (found.undecided, report.exit_code) == (True, 3)
    assert found.what == "stage part: data/a.csv: the listing of data is not in the DVC cache"
    assert found.fix == "dvc fetch data"
    assert run(project, "on_undecided=pass").exit_code == 0
    project.commit()
    stage(project, **{"dvc.yaml": more + "# remark\n"})
    assert rules(run(project)) == ["drift:note"], "it was so before"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("dvc.yaml", "stages: ["),
        ("dvc.lock", "<<<<<<< ours\nschema: '2.0'\n"),
        ("dvc.lock", "train:\n  cmd: x\n"),
        ("params.yaml", "lr: [\n"),
        ("raw.csv.dvc", "outs: ["),
    ],
)
def test_one_bad_file_is_undecided_and_hides_no_other(project: Any, path: str, text: str) -> None:
    other = yaml.safe_dump({"stages": {"two": {"cmd": "new", "deps": ["c.py"]}}})
    old = yaml.safe_dump(
        {"schema": "2.0", "stages": {"two": {"cmd": "t", "deps": [entry("c.py", md5("c"))]}}}
    )
    project.commit(**{"b/c.py": "c", "b/dvc.yaml": other.replace("new", "t"), "b/dvc.lock": old})
    stage(project, **{path: text, "b/dvc.yaml": other})
    report = run(project)
    assert report.exit_code == 1
    assert any(
        one.path == "b/dvc.yaml" and one.rule.endswith("/command") for one in report.findings
    )
    assert any(one.undecided or one.rule.endswith("absent") for one in report.findings)


@pytest.mark.parametrize("name", ["a b.py", "-dash.py", "zeile\numbruch.py", "été.py"])
def test_odd_names(project: Any, name: str) -> None:
    body = lock(FILES)
    body["stages"]["odd"] = {"cmd": "o", "deps": [entry(name, md5("1"))]}
    pipeline = {"stages": {**PIPELINE["stages"], "odd": {"cmd": "o", "deps": [name]}}}
    project.commit(
        **{name: "1", "dvc.yaml": yaml.safe_dump(pipeline), "dvc.lock": yaml.safe_dump(body)}
    )
    assert run(project, "strict=true").findings == []
    stage(project, **{name: "2"})
    assert rules(run(project)) == ["code:warning"]


@pytest.mark.parametrize("persist", ["push", "commit"])
def test_where_ci_trains_and_keeps_results_it_is_a_remark(project: Any, persist: str) -> None:
    project.commit(**{"mlops-ci.yaml": f"train: {{persist: {persist}}}\n"})
    stage(project, **{"params.yaml": "lr: 0.2\n", "prepare.py": "new\n"})
    report = run(project)
    assert [one.what for one in report.findings] == ["CI will train: prepare, train"]
    assert report.exit_code == 0


def test_where_ci_trains_and_keeps_nothing_it_is_a_finding(project: Any) -> None:
    project.commit(**{"mlops-ci.yaml": "train: {persist: none}\n"})
    stage(project, **{"params.yaml": "lr: 0.2\n"})
    assert rules(run(project)) == ["command:error", "params:error"]


def test_frozen_and_always_changed_stages(project: Any) -> None:
    pipeline: Any = yaml.safe_load(FILES["dvc.yaml"])
    pipeline["stages"]["prepare"]["frozen"] = True
    project.commit(**{"dvc.yaml": yaml.safe_dump(pipeline, sort_keys=False)})
    stage(project, **{"prepare.py": "new\n"})
    assert run(project).findings == []
