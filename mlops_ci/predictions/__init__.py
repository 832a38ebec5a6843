"""Files of predictions: one row an example, with its id, its label and what the model said of it."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from mlops_ci.frozen import dataclass
from mlops_ci.typed import doc

Task = Literal["classification", "regression", "ranking"]
MetricName = Literal[
    "roc_auc", "average_precision", "log_loss", "brier", "accuracy", "balanced_accuracy", "precision", "recall",
    "specificity", "f1", "f1_macro", "mcc", "mae", "mse", "rmse", "r2", "ndcg", "mrr", "none",
]  # fmt: skip
# The gate on examples that a model was trained on: by this name a waiver means it.
LEAK = "leak"
OnLeak = Literal["fail", "warn"]
DELIMITERS = {".csv": ",", ".tsv": "\t"}
LINES = (".jsonl", ".ndjson")
PARQUET = (".parquet", ".pq")
_SUFFIXES = (*DELIMITERS, *LINES, *PARQUET)


@dataclass(frozen=True, kw_only=True)
class PredictionsConfig:
    """Where the predictions of a model are, and how they are read."""

    path: str = doc(
        "A file with one row an example, relative to the model's `path`: CSV, TSV, JSONL or Parquet (with pyarrow), "
        "in Git or DVC. With it, gates on a change tell noise from regression."
    )
    id: str = doc("The column that names an example; no name stands twice.", default="id")
    label: str = doc("The column of the true class or value.", default="label")
    score: str | None = doc(
        "The column of the probability, or another score, of the positive class.", default=None
    )
    prediction: str | None = doc(
        "The column of the predicted class or value. Default: the score against `threshold`.",
        default=None,
    )
    unit: str | None = doc(
        "The column of what is independent of others (a user, a patient), where one has several examples.",
        default=None,
    )
    query: str | None = doc(
        "For ranking: the column of what the examples of one ranking have in common. Queries are the independent "
        "units, unless `unit` says otherwise.",
        default=None,
    )
    task: Task = doc(
        "What label and prediction are. ranking: label is how relevant an example is, from 0, and score orders those "
        "of a query.",
        default="classification",
    )
    positive: str = doc("The label of the positive class.", default="1")
    threshold: float = doc(
        "A score of this much and more predicts the positive class.", default=0.5
    )
    train: str | None = doc(
        "A file with the ids of the examples that the model was trained on, likewise: an example that is in both is a "
        "leak, which blocks.",
        default=None,
    )
    train_id: str | None = doc("The column of ids there. Default: that of `id`.", default=None)
    on_leak: OnLeak = doc("What an example in both is.", default="fail")
    metrics: dict[str, MetricName] = doc(
        "By the name in a metrics file, what it is: `eval.f1: f1_macro`; `none` for what is of other examples. "
        "Default: the usual names, where the predictions give the value that the file states.",
        default_factory=dict,
    )

    def __post_init__(self) -> None:
        for name, path in (("path", self.path or ""), ("train", self.train)):
            if path is not None and not path.lower().endswith(_SUFFIXES):
                raise ValueError(name, f"needs one of {', '.join(_SUFFIXES)}")
        if self.score is None and self.prediction is None:
            raise ValueError("needs score or prediction: without one no metric can be computed")
        if self.task == "regression" and self.prediction is None:
            raise ValueError("prediction", "is needed for regression")
        if self.task == "ranking" and (self.score is None or self.query is None):
            raise ValueError("score and query are needed for ranking")
        if self.task != "ranking" and self.query is not None:
            raise ValueError("query", "is for ranking: task: ranking")

    @property
    def independent(self) -> str | None:
        """The column of the independent units; None: every example is one."""
        return self.unit or self.query


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """One side. Columns by their names in the file, in the order of `ids`, values as the file has them."""

    path: str
    ids: tuple[str, ...]
    columns: dict[str, list[Any]] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Examples of the candidate that it was trained on as well. `count`: how many examples it predicts.

    `reason`: why it cannot be told, "" where it can.
    """

    path: str
    ids: tuple[str, ...] = ()
    count: int = 0
    reason: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictionPair:
    """Both sides; one is None where there is no such file or it cannot be read, and then `reason` says why.

    `leak`: None where nobody says what the model was trained on.
    """

    config: PredictionsConfig
    path: str
    baseline: Predictions | None = None
    candidate: Predictions | None = None
    reason: str = ""
    leak: Leak | None = None


def named(value: Any) -> str:
    """One name for what formats write differently: 1, 1.0, true and "1" are "1"."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    if text.lower() in ("true", "false"):
        return str(int(text.lower() == "true"))
    whole = text.removesuffix(".0")
    return whole if whole.lstrip("-").isdigit() else text
