"""Records as the official package of in-toto reads them, and their predicate by SLSA's own definition of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

from mlops_ci.lineage.run import CiContext, StageRun, TrackingRun
from tests.lineage import project

if TYPE_CHECKING:
    from tests.conftest import Repo

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lineage")]

# Everything that a run can know.
FULL: dict[str, Any] = {
    "stages": (StageRun(name="train", result="ran", seconds=1.25, environment="gpu"),),
    "seeds": (1, 2),
    "variables": {"PYTHONHASHSEED": "0"},
    "ci": CiContext(
        provider="github",
        run_url="https://github.com/o/r/actions/runs/1/attempts/2",
        workflow_ref="o/r/.github/workflows/train.yml@refs/heads/main",
    ),
    "tracking": TrackingRun(uri="https://u:p@mlflow.example", experiment="e", run_ids=("a" * 32,)),
    "dirty": ("b.txt", "a.txt"),
    "targets": ("train",),
}


def validate(statement: dict[str, Any]) -> None:
    """Raises for what in-toto or SLSA do not allow, unknown fields included."""
    read = json_format.Parse(json.dumps(statement), statement_pb2.Statement())
    Statement.copy_from_pb(read).validate()
    predicate = json_format.Parse(json.dumps(statement["predicate"]), Provenance())
    definition, details = predicate.build_definition, predicate.run_details
    assert definition.build_type
    assert definition.external_parameters
    assert details.builder.id
    assert details.metadata.started_on.seconds <= details.metadata.finished_on.seconds
    for one in [*definition.resolved_dependencies, *details.byproducts]:
        ResourceDescriptor.copy_from_pb(one).validate()


@pytest.mark.parametrize("known", [{}, FULL], ids=["least", "full"])
def test_a_record_is_valid(trained: Repo, known: dict[str, Any]) -> None:
    for line in project.record(trained, **known).read_text().splitlines():
        validate(json.loads(line))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("subject",), []),
        (("subject", 0, "digest"), {}),
        (("_type",), "https://in-toto.io/Statement/v0.1"),
        (("predicateType",), ""),
        (("predicate", "buildDefinition", "mlopsci_more"), 1),
        (("predicate", "buildDefinition", "buildType"), ""),
        (("predicate", "runDetails", "metadata", "startedOn"), "yesterday"),
        (("predicate", "runDetails", "builder", "id"), ""),
    ],
)
def test_what_is_not_valid_is_refused(trained: Repo, path: tuple[Any, ...], value: Any) -> None:
    statement = part = json.loads(project.record(trained).read_text())
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises((json_format.ParseError, ValueError, AssertionError)):
        validate(statement)
