"""Every hook through real `git commit`, `git merge` and `git push`, run by pre-commit and by prek."""

from __future__ import annotations

import pytest

from tests.checks.conftest import md5, project
from tests.conftest import Repo

pytestmark = pytest.mark.real

# What checks find does not hang on the runner: both run it with --full.
ONE_RUNNER = pytest.mark.parametrize(
    "hooked", [pytest.param("pre_commit", marks=pytest.mark.full), "prek"], indirect=True
)
BIG, SMALL = bytes(600_000), b"1,2\n"
DATA = "data-not-in-git"
NAMES = ["a b.csv", "a\nb.csv", "données.csv", "-a.csv", "$(x).csv", "c\udcff.csv"]


def test_a_large_file_is_stopped_and_a_small_one_is_not(hooked):
    hooked.install(DATA)
    hooked.repo.write("a.csv", BIG)
    hooked.repo.git("add", "--all")
    done = hooked.commit()
    assert done.returncode == 1
    assert "a.csv: [data-not-in-git/data] data of 600" in done.output
    assert "fix: dvc init && git rm --cached --quiet a.csv && dvc add a.csv" in done.output
    hooked.repo.write("a.csv", SMALL)
    hooked.repo.git("add", "--all")
    assert hooked.commit().returncode == 0


def test_names_of_every_kind(hooked):
    """pre-commit itself ends with an error at a name that is not UTF-8."""
    names = [n for n in NAMES if hooked.runner == "prek" or "\udcff" not in n]
    hooked.install(DATA)
    for name in names:
        hooked.repo.write(name, BIG)
    hooked.repo.git("add", "--all")
    done = hooked.commit()
    assert done.returncode == 1
    assert done.output.count("[data-not-in-git/data]") == len(names)
    for name in names:
        hooked.repo.write(name, SMALL)
    hooked.repo.git("add", "--all")
    assert hooked.commit().returncode == 0


def test_modify_rename_and_delete(hooked):
    hooked.repo.commit(**{"old.csv": BIG, "grows.csv": SMALL, "other": "x"})
    hooked.install(DATA)
    hooked.repo.git("mv", "old.csv", "new name.csv")
    assert hooked.commit().returncode == 0
    hooked.repo.git("rm", "-q", "other")
    assert hooked.commit().returncode == 0
    hooked.repo.write("grows.csv", BIG)
    hooked.repo.git("add", "--all")
    done = hooked.commit()
    assert done.returncode == 1
    assert "grows.csv: [data-not-in-git/data] data of 600" in done.output


def test_what_is_staged_is_judged_and_what_is_on_disk_is_kept(hooked):
    hooked.repo.commit(**{"a.csv": SMALL, "b.csv": SMALL})
    hooked.install(DATA)
    hooked.repo.write("a.csv", SMALL * 2)
    hooked.repo.git("add", "a.csv")
    hooked.repo.write("a.csv", BIG)
    hooked.repo.write("b.csv", BIG)
    assert hooked.commit().returncode == 0
    assert (hooked.repo.path / "a.csv").read_bytes() == BIG
    assert hooked.commit("--", "b.csv").returncode == 1
    assert hooked.commit("--all").returncode == 1


def test_a_deletion_counts(hooked):
    """Neither runner passes a deleted file to a hook, nor runs a hook for it that has `files`."""
    files = project()
    hooked.repo.commit(**files)
    hooked.install("half-commit")
    hooked.repo.git("rm", "-q", "--cached", "data.csv.dvc")
    hooked.repo.write("dvc.lock", files["dvc.lock"] + "# x\n")
    hooked.repo.git("add", "dvc.lock")
    done = hooked.commit()
    assert done.returncode == 1
    assert "data.csv.dvc: [half-commit] a staged stage depends on data.csv" in done.output


def test_a_half_commit_is_seen_although_the_runner_puts_the_other_half_away(hooked):
    hooked.repo.commit(**project())
    hooked.install("half-commit")
    for path, text in project(code="two", lr=0.2).items():
        hooked.repo.write(path, text)
    hooked.repo.git("add", "train.py")
    done = hooked.commit()
    assert done.returncode == 1
    assert "dvc.lock: [half-commit] stage train has run with train.py" in done.output
    hooked.repo.git("add", "dvc.lock")
    done = hooked.commit()
    assert done.returncode == 1
    assert "params.yaml: [half-commit]" in done.output
    hooked.repo.git("add", "params.yaml")
    assert hooked.commit().returncode == 0


@ONE_RUNNER
def test_broken_dvc_files_and_edited_metrics(hooked):
    hooked.repo.commit(**project())
    hooked.install("dvc-files-valid", "metrics-unedited")
    hooked.repo.write("metrics.json", '{"auc": 1.0}\n')
    hooked.repo.write("data.csv.dvc", "<<<<<<< HEAD\n")
    hooked.repo.git("add", "--all")
    done = hooked.commit()
    assert done.returncode == 1
    assert "data.csv.dvc:1: [dvc-files-valid/conflict]" in done.output
    assert "metrics.json: [metrics-unedited]" in done.output


def test_undecided_is_not_a_pass(hooked):
    hooked.repo.commit(**project())
    hooked.install("metrics-unedited")
    hooked.repo.write(".gitattributes", "*.json filter=shrink\n")
    hooked.repo.write("metrics.json", "{}")
    hooked.repo.git("add", "--all")
    done = hooked.commit()
    assert done.returncode == 1
    assert "exit code: 3" in done.output
    assert "undecided, because the filter shrink" in done.output
    hooked.repo.write("mlops-ci.yaml", "checks: {metrics-unedited: {on_undecided: pass}}\n")
    hooked.repo.git("add", "--all")
    assert hooked.commit().returncode == 0


def diverged(hooked, *, conflict: bool) -> None:
    """Branch `side` has a large file, which came in without hooks."""
    repo = hooked.repo
    repo.commit(a="1")
    repo.git("switch", "-qc", "side")
    repo.commit(**{"theirs.csv": BIG, "a": "theirs" if conflict else "1"})
    repo.git("switch", "-q", "main")
    repo.commit(a="ours" if conflict else "1", b="2")
    hooked.install(DATA, types=("pre-commit", "pre-merge-commit"))


def test_a_clean_merge_brings_only_what_was_committed(hooked):
    diverged(hooked, conflict=False)
    assert hooked.git("merge", "--no-edit", "side").returncode == 0


def test_a_merge_with_conflicts_is_judged_by_what_it_adds(hooked):
    diverged(hooked, conflict=True)
    hooked.git("merge", "side")
    hooked.repo.write("a", "both")
    hooked.repo.write("more.csv", BIG)
    hooked.repo.git("add", "a", "more.csv")
    done = hooked.commit()
    assert done.returncode == 1
    assert "more.csv: [data" in done.output
    assert "theirs.csv" not in done.output
    hooked.repo.git("rm", "-q", "--cached", "more.csv")
    assert hooked.commit().returncode == 0


def remote_of(hooked, tmp_path) -> Repo:
    remote = Repo(tmp_path / "remote")
    remote.path.mkdir()
    remote.git("init", "--quiet", "--bare")
    hooked.repo.git("remote", "add", "origin", str(remote.path))
    return remote


def test_a_hook_may_be_run_on_push(hooked, tmp_path):
    """The first push judges all, a later one what it brings, also for several refs at once."""
    hooked.repo.commit(a="1")
    hooked.install(DATA, types=("pre-push",), stages="[pre-push]")
    remote = remote_of(hooked, tmp_path)
    assert hooked.git("push", "-u", "origin", "main").returncode == 0
    hooked.repo.git("switch", "-qc", "side")
    hooked.repo.commit(**{"a.csv": BIG})
    hooked.repo.git("tag", "v1")
    done = hooked.git("push", "origin", "side", "v1")
    assert done.returncode == 1
    assert "a.csv: [data-not-in-git/data]" in done.output
    assert "git rebase -i" in done.output
    assert "side" not in remote.git("branch", "--list")


def test_all_files_in_ci_judge_the_last_commit(hooked):
    """`pre-commit run --all-files` says nothing of itself to a hook. What was there before may stay."""
    hooked.repo.commit(**{"old.csv": BIG})
    hooked.install(DATA)
    assert hooked.all_files().returncode == 0
    hooked.repo.write("new.csv", BIG)
    hooked.repo.git("add", "new.csv")
    assert hooked.commit("--no-verify").returncode == 0
    done = hooked.all_files()
    assert done.returncode == 1
    assert "new.csv" in done.output
    assert "old.csv" not in done.output


def test_options_of_a_hook(hooked):
    hooked.install(DATA, args="[--set, 'max_data=1 MB', --format, github]")
    hooked.repo.write("a.csv", BIG)
    hooked.repo.write("m.pkl", bytes(20_000))
    hooked.repo.git("add", "--all")
    done = hooked.commit()
    assert done.returncode == 1
    assert "::error title=data-not-in-git/model,file=m.pkl::" in done.output
    assert "a.csv" not in done.output


def test_a_linked_worktree(hooked, tmp_path):
    hooked.install(DATA)
    other = Repo(tmp_path / "other")
    hooked.repo.git("worktree", "add", "-q", str(other.path))
    hooked.repo.write("in-main.csv", BIG)
    hooked.repo.git("add", "in-main.csv")
    other.write("in-other.csv", BIG)
    other.git("add", "in-other.csv")
    done = type(hooked)(other, hooked.suite, hooked.runner).commit()
    assert done.returncode == 1
    assert "in-other.csv: [data" in done.output
    assert "in-main.csv: [data" not in done.output


def test_many_files_are_one_run(hooked):
    """As arguments, so many names would be cut into several runs."""
    hooked.install(DATA)
    for number in range(1500):
        hooked.repo.write(f"{'long name ' * 9}/{number}.csv", SMALL)
    hooked.repo.write("x.csv", BIG)
    hooked.repo.git("add", "--all")
    done = hooked.commit()
    assert done.returncode == 1
    assert done.output.count("[data-not-in-git") == 1


PARAMS = {"$(x) p.yaml", "-p.yaml", "a b\n.yaml", "données.yaml"}


def with_schema(hooked) -> None:
    schemas = ", ".join(f'"{pattern}": s.json' for pattern in ("*.yaml", "sub/p.toml"))
    hooked.repo.commit(
        **{
            "s.json": '{"properties": {"lr": {"type": "number"}}, "additionalProperties": false}',
            "schemas.yaml": "",
            "mlops-ci.yaml": f"checks: {{config-schema: {{schemas: {{{schemas}}}}}}}\n",
        }
    )


@ONE_RUNNER
def test_config_files_of_every_name_against_their_schema(hooked):
    with_schema(hooked)
    hooked.install("config-schema")
    for name in PARAMS:
        hooked.repo.write(name, "lr: fast\n")
    hooked.repo.write("sub/p.toml", 'lr = 1\nrl = "x"\n')
    hooked.repo.git("add", "--all", "--", "*.toml", *(f":(literal){name}" for name in PARAMS))
    done = hooked.commit()
    assert done.returncode == 1
    assert done.output.count(":1:1: [config-schema] lr: needs number") == len(PARAMS)
    assert "sub/p.toml:2:1: [config-schema] rl: unknown key, did you mean lr?" in done.output
    for name in PARAMS:
        hooked.repo.write(name, "lr: 1e-3\n")
    hooked.repo.write("sub/p.toml", "lr = 1\n")
    hooked.repo.git("add", "--all")
    done = hooked.commit()
    assert done.returncode == 0, done.output


@ONE_RUNNER
def test_the_staged_half_of_a_config_file_is_judged(hooked):
    with_schema(hooked)
    hooked.repo.commit(**{"p.yaml": "lr: 1\n", "q.yaml": "lr: 1\n"})
    hooked.install("config-schema")
    hooked.repo.write("p.yaml", "lr: x\n")
    hooked.repo.git("add", "p.yaml")
    hooked.repo.write("p.yaml", "lr: 2\n")
    hooked.repo.write("q.yaml", "lr: x\n")
    done = hooked.commit()
    assert done.returncode == 1
    assert "p.yaml:1:1: [config-schema]" in done.output
    assert "q.yaml" not in done.output
    assert (hooked.repo.path / "p.yaml").read_text() == "lr: 2\n"
    assert hooked.commit("--", "p.yaml").returncode == 0
    assert hooked.commit("--all").returncode == 1


@ONE_RUNNER
def test_an_environment_may_not_open_and_may_stay_open(hooked):
    hooked.repo.commit(**{"requirements.txt": "numpy==2.1\npandas\n", "env/conda.yaml": ""})
    hooked.install("environment-pinned")
    hooked.repo.write("requirements.txt", "numpy==2.1\npandas\nseaborn>=0.13\n")
    hooked.repo.git("add", "--all")
    hooked.repo.write("requirements.txt", "numpy==2.2\npandas\n")
    done = hooked.commit()
    assert done.returncode == 1
    assert "requirements.txt:3: [environment-pinned] 1 of 3 packages" in done.output
    assert hooked.commit("--all").returncode == 0
    hooked.repo.git("mv", "requirements.txt", "requirements dev\n.txt")
    assert hooked.commit().returncode == 0
    hooked.repo.git("rm", "-q", "env/conda.yaml")
    assert hooked.commit().returncode == 0


GATES = "gates:\n- {id: floor, metric: auk, threshold: {min: 0.8}}\n"


@ONE_RUNNER
def test_a_gate_on_a_metric_that_nothing_writes(hooked):
    hooked.repo.commit(**project())
    hooked.install("policy-valid")
    hooked.repo.write("mlops-ci.yaml", GATES)
    hooked.repo.git("add", "--all")
    hooked.repo.write("mlops-ci.yaml", GATES.replace("auk", "auc"))
    done = hooked.commit()
    assert done.returncode == 1
    assert "mlops-ci.yaml:2:3: [policy-valid/metric] gate floor: no metrics file" in done.output
    assert hooked.commit("--all").returncode == 0
    hooked.repo.write("mlops-ci.yaml", GATES.replace("min", "mim"))
    done = hooked.commit("--all")
    assert done.returncode == 1
    assert "mlops-ci.yaml:2:40: [policy-valid/broken]" in done.output
    hooked.repo.git("rm", "-qf", "mlops-ci.yaml")
    assert hooked.commit().returncode == 0


@ONE_RUNNER
def test_a_waived_finding_is_shown_and_lets_the_commit_through(hooked):
    hooked.repo.commit(**{"requirements.txt": "numpy==2.1\n"})
    hooked.install("environment-pinned", verbose="true")
    day = "waivers: [{rule: environment-pinned, reason: try, approved_by: lead, expires: DAY}]\n"
    hooked.repo.write("requirements.txt", "numpy==2.1\npandas\n")
    hooked.repo.write("mlops-ci.yaml", day.replace("DAY", "2020-01-31"))
    hooked.repo.git("add", "--all")
    done = hooked.commit()
    assert done.returncode == 1
    assert "its waiver expired 2020-01-31" in done.output
    hooked.repo.write("mlops-ci.yaml", day.replace("DAY", "2999-12-31"))
    hooked.repo.git("add", "--all")
    done = hooked.commit()
    assert done.returncode == 0
    assert "note: 1 of 2 packages has no exact version: pandas" in done.output
    assert "waived until 2999-12-31" in done.output


LOCK = "dvc-lock-in-sync"


def stage(hooked, **state) -> dict[str, str]:
    """Write and stage a state of the project; its files."""
    files = project(**state)
    for path, text in files.items():
        hooked.repo.write(path, text)
    hooked.repo.git("add", "--all")
    return files


@ONE_RUNNER
def test_a_commit_that_makes_a_stage_stale(hooked):
    hooked.repo.commit(**project())
    hooked.install(LOCK)
    hooked.repo.write("params.yaml", "lr: 0.2\n")
    hooked.repo.write("notes.md", "x")
    hooked.repo.git("add", "notes.md")
    assert hooked.commit().returncode == 0
    done = hooked.commit("--all")
    assert done.returncode == 1
    assert "dvc.yaml:2:3: [dvc-lock-in-sync/params] stage train is stale" in done.output
    assert "params.yaml:lr is 0.2, the stage ran with 0.1" in done.output
    assert "fix: dvc repro train && git add dvc.lock" in done.output
    assert hooked.commit("--", "params.yaml").returncode == 1
    stage(hooked, lr=0.2)
    assert hooked.commit().returncode == 0


@ONE_RUNNER
def test_a_stage_is_judged_by_what_is_staged_of_it(hooked):
    hooked.repo.commit(**project())
    hooked.install(LOCK)
    stage(hooked, data="3,4\n")
    hooked.repo.git("reset", "-q", "dvc.lock")
    done = hooked.commit()
    assert done.returncode == 1
    assert "[dvc-lock-in-sync/data] stage train is stale: data.csv" in done.output
    assert (hooked.repo.path / "dvc.lock").read_text() == project(data="3,4\n")["dvc.lock"]
    hooked.repo.git("add", "dvc.lock")
    hooked.repo.write("params.yaml", "lr: 0.2\n")
    assert hooked.commit().returncode == 0


def test_deleted_and_renamed_files_of_a_stage(hooked):
    """Neither runner tells a hook of a file that is gone."""
    hooked.repo.commit(**project())
    hooked.install(LOCK, verbose="true", args="[--set, code=error]")
    hooked.repo.git("rm", "-q", "data.csv.dvc")
    done = hooked.commit()
    assert done.returncode == 0
    assert "note: stage train" in done.output
    hooked.repo.git("mv", "--", "train.py", "-t rain.py")
    hooked.repo.write("dvc.yaml", project()["dvc.yaml"].replace("train.py, ", '"-t rain.py", '))
    hooked.repo.git("add", "--all")
    done = hooked.commit()
    assert done.returncode == 1
    assert "[dvc-lock-in-sync/code]" in done.output
    assert "-t rain.py" in done.output


@ONE_RUNNER
def test_a_clean_merge_that_makes_a_stage_stale(hooked):
    """Each side agrees in itself; what they are together, nobody has run."""
    old = project()
    hooked.repo.commit(**old)
    hooked.install(LOCK, types=("pre-commit", "pre-merge-commit"), args="[--set, code=error]")
    hooked.repo.git("switch", "-qc", "side")
    pipeline = old["dvc.yaml"].replace("train.py, data.csv", "../train.py").replace("[lr]", "[]")
    locked = f"path: ../train.py, hash: md5, md5: {md5('one')}, size: 3"
    record = f"  train:\n    cmd: python train.py\n    deps:\n    - {{{locked}}}\n"
    outs = old["dvc.lock"].partition("    outs:")[2]
    hooked.repo.commit(
        **{
            "sub/dvc.yaml": pipeline,
            "sub/dvc.lock": f"schema: '2.0'\nstages:\n{record}    outs:{outs}",
            "sub/metrics.json": old["metrics.json"],
        }
    )
    hooked.repo.git("switch", "-q", "main")
    stage(hooked, code="two")
    assert hooked.commit().returncode == 0
    done = hooked.git("merge", "--no-edit", "side")
    assert done.returncode == 1, done.output
    assert "sub/dvc.yaml:2:3: [dvc-lock-in-sync/code] stage train is stale: train.py" in done.output


@ONE_RUNNER
def test_a_push_of_a_stale_stage(hooked, tmp_path):
    hooked.repo.commit(**project())
    hooked.install(LOCK, types=("pre-push",), stages="[pre-push]")
    remote_of(hooked, tmp_path)
    assert hooked.git("push", "-u", "origin", "main").returncode == 0
    hooked.repo.commit(**{"params.yaml": "lr: 0.2\n"})
    done = hooked.git("push", "origin", "main")
    assert done.returncode == 1
    assert "[dvc-lock-in-sync/params]" in done.output
