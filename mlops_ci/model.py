"""The nouns of mlops-ci, as plain data; tuples where there may be ten thousand. See the words in CONTRIBUTING.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from mlops_ci.champion import Champion
    from mlops_ci.plots import Plot, PlotChange
    from mlops_ci.predictions import PredictionPair
    from mlops_ci.repeats import Repeats

from mlops_ci.directions import Direction  # noqa: TC001 - part of a noun
from mlops_ci.estimate import Estimate  # noqa: TC001 - part of a noun
from mlops_ci.evaluation import Content, Evaluation
from mlops_ci.fact import Fact  # noqa: TC001 - part of a noun
from mlops_ci.frozen import dataclass
from mlops_ci.stage_inputs import StageInputs  # noqa: TC001 - part of a noun
from mlops_ci.waivers import Waiver  # noqa: TC001 - part of a noun

Scalar: TypeAlias = bool | int | float | str
# A list is one value: compared as a whole and never flattened.
Value: TypeAlias = Scalar | list[Any]

MetricChange = Literal["better", "worse", "same", "changed", "added", "removed", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a Snapshot was taken: a commit, or the work tree (`commit` is None, `head` is what it is based on)."""

    rev: str
    commit: str | None
    head: str | None = None

    @property
    def label(self) -> str:
        return self.commit[:7] if self.commit else "work tree"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One named value. `name`: dotted key. `source`: what it is aligned by, a path from the root or `mlflow:…`.
    `where`: where exactly this value was read, `metrics.json:eval.auc@1a2b3c4` or `mlflow run 8f…`.
    """

    name: str
    source: str
    value: Value
    where: str


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """Something that should have been read and could not be: `subject` is a path or a tracker.

    `content`: its content id if known, by which two unread sides can still be told to be the same.
    """

    kind: Literal["metrics", "params", "data", "pipeline", "environment", "tracker"]
    subject: str
    reason: str
    hint: str = ""
    content: str = ""


class DataRef(NamedTuple):
    """A data set, model or other artifact by its content.
    `id`: `md5:…`, `md5-dos2unix:…` (DVC 2), `etag:…`, `git:…`. `size` in bytes, `files` and `rows` when known.
    `role`: `input` (nothing in the pipeline makes it), `output` (a stage makes it).
    """

    path: str
    id: str
    size: int | None = None
    files: int | None = None
    rows: int | None = None
    role: Literal["input", "output"] = "input"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package that a lock file pins. `source` is the path of the lock file."""

    name: str
    version: str
    source: str


@dataclass(frozen=True, kw_only=True)
class CodeFile:
    """A file in Git that a stage depends on; `blob` is its Git object id."""

    path: str
    blob: str


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """An entry of `artifacts:` in `dvc.yaml`."""

    name: str
    path: str
    type: str = ""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All that is known of one model at one origin.

    `lock_digest`: sha256 of what dvc.lock records for this model's stages; None without a lock.
    """

    model: str
    origin: Origin
    metrics: tuple[Measurement, ...] = ()
    params: tuple[Measurement, ...] = ()
    data: tuple[DataRef, ...] = ()
    evaluation: Evaluation = Evaluation()
    stages: tuple[StageInputs, ...] = ()
    environment: tuple[Package, ...] = ()
    code: tuple[CodeFile, ...] = ()
    plots: tuple[Plot, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    facts: tuple[Fact, ...] = ()
    lock_digest: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One metric or param on both sides. A side is None when the value is missing there.

    `delta`: candidate minus baseline; `relative`: that by the size of the baseline; None without a meaning.
    `hidden`: bookkeeping, shown on request. `scale_jump`: the sides look like a fraction and a percentage.
    """

    name: str
    source: str
    baseline: Value | None = None
    candidate: Value | None = None
    delta: float | int | None = None
    relative: float | None = None
    direction: Direction = "neutral"
    change: MetricChange = "same"
    tolerance: float = 0.0
    hidden: bool = False
    scale_jump: bool = False
    reason: str = ""
    where: tuple[str, str] = ("", "")


PartChange = Literal["same", "changed", "added", "removed"]


class DataChange(NamedTuple):
    path: str
    change: PartChange
    baseline: DataRef | None = None
    candidate: DataRef | None = None


@dataclass(frozen=True, kw_only=True)
class PackageChange:
    """A package of one lock file. Versions are joined by a comma when a lock has several."""

    name: str
    source: str
    change: PartChange
    baseline: str | None = None
    candidate: str | None = None


@dataclass(frozen=True, kw_only=True)
class CodeChange:
    path: str
    change: PartChange


NoteKind = Literal[
    "unreadable", "unread-same", "lock-mismatch", "line-endings", "dirty", "not-a-number", "not-measured",
    "nothing-retrained", "evaluation-differs", "scale-jump", "baseline-older", "no-baseline",
    "policy-changed",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Note:
    """An honest remark: what is so, and what to type. `side` says where, when it is one side only.
    `untrusted`: it is of this change's doing, and no gate can rely on the numbers; `concerns`: of these metrics files,
    all when empty.
    """

    kind: NoteKind
    message: str
    fix: str = ""
    side: Literal["baseline", "candidate", ""] = ""
    path: str = ""
    untrusted: bool = False
    concerns: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModelComparison:
    model: str
    metrics: tuple[Change, ...] = ()
    params: tuple[Change, ...] = ()
    data: tuple[DataChange, ...] = ()
    environment: tuple[PackageChange, ...] = ()
    code: tuple[CodeChange, ...] = ()
    # Of the baseline and the candidate; None where it was read back from a report.
    contents: tuple[Content, Content] | None = None
    # None where nobody asked for them.
    plots: tuple[PlotChange, ...] = ()
    predictions: PredictionPair | None = None
    champion: Champion | None = None
    repeats: Repeats | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The commit compared with, and how it was found, in words that follow its name: `merge base with main`.

    `tip`: the newest commit of the branch that was named, where the Policy is read.
    """

    origin: Origin
    how: str
    tip: str
    behind: int = 0
    behind_of: str = ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    baseline: Baseline
    candidate: Origin
    models: tuple[ModelComparison, ...]

    @property
    def undecided(self) -> bool:
        """Whether something that should have been compared could not be read."""
        return any(note.kind == "unreadable" for model in self.models for note in model.notes)


Result = Literal["pass", "warn", "fail", "inconclusive", "waived", "skipped"]
RuleKind = Literal["", "least", "most", "regression", "improvement"]
VerdictResult = Literal["pass", "warn", "fail", "inconclusive", "waived", "no gates", "unarmed"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One gate's result on one metric, or of one group of conditions (`parts`).

    `rule`: in words, `at least 0.82`; `kind`: which rule, "" where none was reached; `limit`: as the gate writes it.
    `bound`: the value at which the result turns; `headroom`: the distance to it, in the metric's unit, negative when
    broken. Both None where there is none. `waiver`: what covers it, or would have. `estimate`: None where one run of
    each side is judged by tolerance.
    """

    gate: str
    result: Result
    reason: str
    metric: str = ""
    source: str = ""
    rule: str = ""
    kind: RuleKind = ""
    limit: float | str = ""
    value: Value | None = None
    baseline: Value | None = None
    bound: float | None = None
    headroom: float | None = None
    parts: tuple[Outcome, ...] = ()
    waiver: Waiver | None = None
    estimate: Estimate | None = None

    @property
    def blocks(self) -> bool:
        """What could not be judged blocks as well, but for a loss within its limit that more examples would settle."""
        parts = self.parts or ((self.estimate,) if self.estimate else ())
        open_ = not parts or any(part.blocks for part in parts)
        return self.result == "fail" or (self.result == "inconclusive" and open_)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """All Outcomes of one model. `policy_digest`: sha256 of the Policy, `policy_rev`: its revision."""

    model: str
    result: VerdictResult
    outcomes: tuple[Outcome, ...]
    policy_digest: str
    policy_rev: str
    profile: str = ""

    @property
    def blocks(self) -> bool:
        found = any(outcome.blocks for outcome in self.outcomes)
        return self.result == "fail" or (self.result == "inconclusive" and found)
