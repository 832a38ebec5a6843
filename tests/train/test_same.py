"""The same inputs give the same Record, and another input another one, in the right field."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import mlops_ci.demo
from mlops_ci.lineage import store
from tests.conftest import Repo
from tests.train.conftest import FILES, pointer, train

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real
PROJECT = Path(mlops_ci.demo.__file__).parent / "project"
Facts = dict[str, Any]


def facts(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of a Statement by its place; what has a name stands under it."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from facts(child, f"{where}/{key}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            name = child.get("name", index) if isinstance(child, dict) else index
            yield from facts(child, f"{where}/{name}")
    else:
        yield where, value


def recorded(repo: Repo, *arguments: str) -> Facts:
    done = train(repo, "--json", *arguments)
    assert done.code == 0, done.err
    (statement,) = store.read(repo.path / done.data["record"])
    return dict(facts(statement))


def changed(before: Facts, after: Facts) -> set[str]:
    """The places whose values differ, without what is another one in every run."""
    both = before.keys() | after.keys()
    places = {place for place in both if before.get(place) != after.get(place)}
    times = ("/startedOn", "/finishedOn", "/seconds")
    return {place for place in places if not place.endswith(times)}


def test_two_folders_have_equal_records(pipeline: Repo, tmp_path: Path) -> None:
    second = Repo(tmp_path / "second" / "repo")
    second.path.parent.mkdir()
    subprocess.run(["git", "clone", "-q", str(pipeline.path), str(second.path)], check=True)
    shutil.copyfile(pipeline.path / "raw.csv", second.path / "raw.csv")
    assert changed(recorded(pipeline), recorded(second)) == set()


@pytest.mark.full
@pytest.mark.xdist_group("mlflow")
def test_two_folders_have_equal_records_of_the_demo(
    tmp_path: Path, pipeline: Repo
) -> None:  # for PATH
    first, second = Repo(tmp_path / "first"), Repo(tmp_path / "second")
    shutil.copytree(PROJECT, first.path, ignore=shutil.ignore_patterns("__pycache__"))
    first.git("init", "-q")
    first.commit(**{".dvc/config": "", ".dvc/.gitignore": FILES[".dvc/.gitignore"]})
    subprocess.run(["git", "clone", "-q", str(first.path), str(second.path)], check=True)
    before, after = recorded(first), recorded(second)
    differing = {
        place
        for place in changed(before, after)
        if "/mlflow run " not in place
        and not place.startswith("/predicate/runDetails/byproducts/run.json/")
    }
    # run.json holds the id of the run, and dvc.lock the hash of run.json.
    assert differing == {"/predicate/buildDefinition/internalParameters/mlopsci_lock_digest"}
    runs = [place for place in before if "/mlflow run " in place and place.endswith("/run_id")]
    assert len(runs) == 1
    values = "/predicate/runDetails/byproducts/metrics.json/annotations/values/accuracy"
    assert before[values] > 0.9


def test_each_change_is_in_its_own_field(pipeline: Repo) -> None:
    pipeline.commit(**{"requirements.txt": "absent==1.0\n"})
    train(pipeline)
    pipeline.commit()
    definition = "/predicate/buildDefinition"
    # The first run has left dvc.lock uncommitted to the second: only from here on are runs alike.
    made = recorded(pipeline)

    raw = b"1,3\n"
    pipeline.write("raw.csv", raw)
    pipeline.commit(**{"raw.csv.dvc": pointer("raw.csv", raw)})
    made = expect(pipeline, made, f"{definition}/resolvedDependencies/raw.csv/digest/sha256")
    pipeline.commit()
    pipeline.commit(**{"params.yaml": "lr: 0.2\n"})
    made = expect(pipeline, made, f"{definition}/externalParameters/params/params.yaml/lr")
    pipeline.commit()
    pipeline.commit(**{"train.sh": f"{FILES['train.sh']}# a line\n"})
    made = expect(pipeline, made, f"{definition}/resolvedDependencies/train.sh/digest/gitBlob")
    pipeline.commit()
    pipeline.commit(**{"requirements.txt": "absent==2.0\n"})
    expect(pipeline, made, f"{definition}/internalParameters/mlopsci_environments/0/sha256")


INPUTS = (
    "/predicate/buildDefinition/resolvedDependencies/raw.csv/digest/sha256",
    "/predicate/buildDefinition/externalParameters/params/params.yaml/lr",
    "/predicate/buildDefinition/resolvedDependencies/train.sh/digest/gitBlob",
    "/predicate/buildDefinition/internalParameters/mlopsci_environments/0/sha256",
)


def expect(repo: Repo, before: Facts, place: str) -> Facts:
    """Of all that may be changed, this one is."""
    after = recorded(repo)
    differing = changed(before, after)
    assert [one for one in INPUTS if one in differing] == [place]
    return after
