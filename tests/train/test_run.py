"""`mlops-ci train` with real DVC: what runs, what is refused, what is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops_ci.lineage import store
from mlops_ci.lineage.verify import verify
from tests.train.conftest import FILES, train

if TYPE_CHECKING:
    from tests.conftest import Repo

pytestmark = pytest.mark.real


def results(data: dict) -> dict[str, str]:
    return {one["name"]: one["result"] for one in data["stages"]}


def test_a_run_leaves_a_record_of_what_it_made(pipeline: Repo) -> None:
    done = train(pipeline, "--json")
    assert done.code == 0, done.err
    assert results(done.data) == {"prepare": "ran", "train": "ran"}
    assert "training" in done.err
    assert "lock file" not in done.err  # what DVC says to somebody who types its commands
    assert pipeline.path.joinpath(done.data["record"]) == store.newest(pipeline.path)
    (statement,) = store.read(pipeline.path / done.data["record"])
    assert "model.bin" in [one["name"] for one in statement["subject"]]
    internal = statement["predicate"]["buildDefinition"]["internalParameters"]
    assert internal["mlopsci_commit"] == pipeline.git("rev-parse", "HEAD")
    assert internal["mlopsci_dirty"] == []
    assert internal["mlopsci_variables"]["PYTHONHASHSEED"] == "0"

    again = train(pipeline, "--json")
    assert results(again.data) == {"prepare": "skipped", "train": "skipped"}
    assert again.data["resumed"]  # dvc.lock is not committed
    assert len(list(pipeline.path.glob(".mlops-ci/records/*.jsonl"))) == 2


def test_one_stage_runs_alone(pipeline: Repo) -> None:
    done = train(pipeline, "--stage", "prepare", "--json")
    assert results(done.data) == {"prepare": "ran"}
    assert not pipeline.path.joinpath("model.bin").exists()


@pytest.mark.parametrize(
    ("changed", "content", "named"),
    [
        ("params.yaml", "lr: 0.2\n", "params.yaml:lr"),
        ("prepare.sh", "echo 9 > data.csv\n", "data.csv"),
    ],
)
def test_a_model_whose_stage_did_not_run_again_is_not_said_to_be_made_from_what_is_here(
    pipeline: Repo, changed: str, content: str, named: str
) -> None:
    assert train(pipeline).code == 0
    pipeline.commit(**{changed: content})
    done = train(pipeline, "--stage", "prepare", "--force", "--persist", "none", "--json")
    assert done.code == 0
    assert f"was made with another {named}" in done.err
    record = pipeline.path / done.data["record"]
    statements = store.read(record)
    internal = statements[0]["predicate"]["buildDefinition"]["internalParameters"]
    assert (internal["mlopsci_stale"], internal["mlopsci_persist"]) == ([named], "none")
    (found,) = verify(pipeline.path, statements, "Record")
    assert [one.name for one in found.with_result("different")] == [named]
    assert train(pipeline).code == 0
    (after,) = verify(pipeline.path, store.read(store.kept(pipeline.path)[0]), "Record")
    assert not after.with_result("different")


def test_the_seed_of_a_run_in_which_nothing_ran_is_not_that_of_the_model(pipeline: Repo) -> None:
    def recorded(*options: str) -> tuple[list[int], str | None]:
        done = train(pipeline, "--json", *options)
        (statement,) = store.read(pipeline.path / done.data["record"])
        internal = statement["predicate"]["buildDefinition"]["internalParameters"]
        return internal["mlopsci_seeds"], internal["mlopsci_variables"].get("MLOPS_CI_SEED")

    assert recorded("--seed", "7") == ([7], "7")
    assert recorded("--seed", "8") == ([7], "7")
    for path in store.kept(pipeline.path):
        path.unlink()
    assert recorded("--seed", "8") == ([], None)
    assert recorded("--seed", "8", "--force") == ([8], "8")


def test_a_stage_that_is_not_there_is_named_with_one_that_is(pipeline: Repo) -> None:
    done = train(pipeline, "--stage", "trian")
    assert done.code == 2
    assert done.errors == ["there is no stage 'trian'"]
    assert "did you mean train?" in done.err


def test_a_dvc_yaml_that_cannot_be_read_is_not_left_out(pipeline: Repo) -> None:
    """In a DVC project of its own too: the others would be trained as if that were all."""
    pipeline.commit(**{"inner/.dvc/config": "", "inner/dvc.yaml": "stages:\n<<<<<<< HEAD\n"})
    for options in ((), ("--stage", "unknown")):
        done = train(pipeline, *options)
        assert done.code == 2
        assert "inner/dvc.yaml" in done.errors[0]
    assert store.newest(pipeline.path) is None
    assert train(pipeline, "--stage", "prepare").code == 0


def test_a_command_of_dvc_is_shown_as_it_is_typed(pipeline: Repo) -> None:
    pipeline.commit(**{"dvc.yaml": FILES["dvc.yaml"].replace("raw.csv]", "data.csv]")})
    done = train(pipeline, "--force")
    assert done.code == 3
    assert done.errors[0].startswith("`dvc repro --force`: ")
    assert done.err.splitlines()[-1].strip() == "dvc repro --force"


def test_what_is_not_committed_refuses_or_is_recorded(pipeline: Repo) -> None:
    paths = ["new.py", "params.yaml", "train.sh"]
    for path in paths:
        pipeline.write(path, FILES.get(path, "") + "# more\n")
    refused = train(pipeline)
    assert refused.code == 2
    assert ", ".join(paths) in refused.errors[0]
    assert not pipeline.path.joinpath("dvc.lock").exists()
    done = train(pipeline, "--on-dirty", "record", "--json")
    assert (done.code, done.data["dirty"]) == (0, paths)


@pytest.mark.parametrize("commits", [False, True])
def test_what_changes_while_stages_run_is_not_called_committed(
    pipeline: Repo, commits: bool
) -> None:
    """It may have been read before or after."""
    more = "echo '# more' >> train.sh\n" + ("git commit -qam more\n" if commits else "")
    pipeline.commit(**{"prepare.sh": FILES["prepare.sh"] + more})
    began = pipeline.git("rev-parse", "HEAD")
    done = train(pipeline, "--json")
    assert (done.code, done.data["dirty"], done.data["commit"]) == (0, ["train.sh"], began)
    assert "train.sh changed while the run was under way" in done.err


def test_a_stage_that_fails_is_named_with_its_last_lines(pipeline: Repo) -> None:
    pipeline.commit(**{"train.sh": "echo so far; echo broken >&2; exit 3\n"})
    done = train(pipeline, "--json")
    assert done.code == done.data["exit_code"] == 1
    assert results(done.data) == {"prepare": "ran", "train": "failed"}
    assert (done.data["failed"], done.data["record"]) == ("train", None)
    assert done.data["last"] == ["> sh train.sh", "so far", "broken"]
    assert done.data["error"] == done.errors[0]
    assert done.data["hint"] in done.err
    assert done.errors == ["stage train failed: failed to run: sh train.sh, exited with 3"]
    assert "broken" in done.err
    assert "mlops-ci train --stage train" in done.err
    assert store.newest(pipeline.path) is None

    pipeline.commit(**{"train.sh": "echo m > model.bin; echo '{}' > metrics.json\n"})
    assert results(train(pipeline, "--json").data) == {"prepare": "skipped", "train": "ran"}


def test_an_output_that_is_not_written_is_named(pipeline: Repo) -> None:
    pipeline.commit(**{"train.sh": "echo m > model.bin\n"})
    done = train(pipeline)
    assert done.code == 1
    (error,) = done.errors
    assert "stage train failed" in error
    assert "metrics.json" in error
    assert store.newest(pipeline.path) is None


def test_a_command_without_dvc(repo: Repo) -> None:
    config = "train:\n  command: cat data.csv > model.bin && echo done\n"
    config += "  inputs: [data.csv]\n  outputs: [model.bin]\n"
    repo.commit(**{"mlops-ci.yaml": config, "data.csv": "1\n", ".gitignore": "model.bin\n"})
    done = train(repo, "--json")
    assert done.code == 0, done.err
    (statement,) = store.read(repo.path / done.data["record"])
    assert [one["name"] for one in statement["subject"]] == ["model.bin"]
    assert "train.inputs" not in done.err


def test_a_command_whose_inputs_nobody_names_is_told_what_the_record_lacks(repo: Repo) -> None:
    config = "train: {command: echo m > model.bin, outputs: [model.bin]}\n"
    repo.commit(**{"mlops-ci.yaml": config, ".gitignore": "model.bin\n"})
    done = train(repo)
    assert done.code == 0, done.err
    assert "train.inputs is empty" in done.err


def test_a_command_that_writes_nothing_fails(repo: Repo) -> None:
    config = "train: {command: 'true', outputs: [model.bin]}\n"
    repo.commit(**{"mlops-ci.yaml": config})
    done = train(repo)
    assert done.code == 1
    assert "model.bin" in done.errors[0]


def test_nothing_to_train_says_what_to_write(repo: Repo) -> None:
    repo.commit(a="")
    done = train(repo)
    assert done.code == 2
    assert "train.command" in done.errors[0]


def test_secrets_that_a_stage_prints_are_masked(pipeline: Repo) -> None:
    pipeline.commit(**{"prepare.sh": 'echo "key=$CLOUD_SECRET_KEY"; cat raw.csv > data.csv\n'})
    done = train(pipeline, CLOUD_SECRET_KEY="hunter2hunter2")
    assert done.code == 0, done.err
    assert "key=***" in done.err
    assert "hunter2" not in done.err + done.out


def test_on_github_each_stage_is_a_group_and_gives_no_commands(pipeline: Repo) -> None:
    pipeline.commit(**{"prepare.sh": 'echo "::warning::pwned"; cat raw.csv > data.csv\n'})
    done = train(pipeline, GITHUB_ACTIONS="true")
    lines = done.err.splitlines()
    start = lines.index("::group::prepare")
    stop = lines[start + 1]
    assert stop.startswith("::stop-commands::")
    resume = lines.index(f"::{stop.removeprefix('::stop-commands::')}::")
    assert start < lines.index("::warning::pwned") < resume
    assert lines[resume + 1] == "::endgroup::"


@pytest.mark.real
@pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree"])
def test_what_git_was_told_not_to_look_at_is_dirty_too(pipeline: Repo, flag: str) -> None:
    pipeline.git("update-index", f"--{flag}", "params.yaml", "prepare.sh")
    pipeline.write("params.yaml", "lr: 0.9\n")
    refused = train(pipeline)
    assert refused.code == 2
    assert "1 file that the run may read is not committed: params.yaml" in refused.errors[0]
    assert "--no-assume-unchanged params.yaml" in refused.err
    pipeline.write("prepare.sh", "cat raw.csv > data.csv\n")
    done = train(pipeline, "--on-dirty", "record", "--json")
    assert (done.code, done.data["dirty"]) == (0, ["params.yaml", "prepare.sh"])
    (statement,) = store.read(pipeline.path / done.data["record"])
    (code,) = (
        one
        for one in statement["predicate"]["buildDefinition"]["resolvedDependencies"]
        if one["name"] == "prepare.sh"
    )
    assert code["digest"]["gitBlob"] == pipeline.git("hash-object", "prepare.sh").strip()


@pytest.mark.real
def test_stages_of_a_dvc_project_in_a_folder_run_one_by_one_and_with_several_seeds(
    pipeline: Repo,
) -> None:
    names = [one.name for one in pipeline.path.iterdir() if one.name != ".git"]
    pipeline.path.joinpath("ml").mkdir()
    for name in names:
        pipeline.path.joinpath(name).rename(pipeline.path / "ml" / name)
    pipeline.commit()
    alone = train(pipeline, "--stage", "ml/dvc.yaml:prepare", "--json")
    assert alone.code == 0, alone.err
    assert [one["name"] for one in alone.data["stages"]] == ["ml/dvc.yaml:prepare"]
    for target in ("train", "ml/dvc.yaml:train"):
        aimed = train(pipeline, target, "--json", "--force")
        assert aimed.code == 0, aimed.err
        ran = [one["name"] for one in aimed.data["stages"] if one["result"] == "ran"]
        assert ran == ["ml/dvc.yaml:prepare", "ml/dvc.yaml:train"]
    several = train(pipeline, "--seeds", "2", "--json")
    assert several.code == 0, several.err
    assert several.data["seeds"] == [0, 1]
    pipeline.commit(**{"ml/train.sh": "exit 3\n"})
    failed = train(pipeline)
    assert failed.code == 1
    assert "mlops-ci train --stage ml/dvc.yaml:train" in failed.err
