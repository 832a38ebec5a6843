"""Which way is better, by the names that public repositories use; and which names are only bookkeeping."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_ci.model import Direction

_HIGHER = frozenset(
    """accuracy acc balanced_accuracy precision recall f1 f1_score f1_macro macro_f1 micro_f1 f1_micro f1_weighted
    weighted_f1 fbeta auc roc_auc auroc pr_auc auprc average_precision map map50 map50_95 iou miou dice jaccard mcc
    kappa r2 r2_score ndcg mrr rbp hit_rate bleu rouge spearman pearson tpr tnr specificity sensitivity
    explained_variance sharpe_ratio win_rate""".split()
)
_LOWER = frozenset(
    """loss mae mse rmse rmsle mape smape mean_absolute_error mean_squared_error root_mean_squared_error
    mean_absolute_percentage_error error error_rate wer cer log_loss logloss perplexity brier ece fpr fnr fp fn
    max_drawdown latency""".split()
)
_BOOKKEEPING = frozenset(
    """step epoch best_epoch epochs steps lr learning_rate timestamp runtime time duration seconds elapsed
    parameters gflops support count n_samples samples""".split()
)
_BOOKKEEPING_ENDS = (
    "_samples",
    "_support",
    "_count",
    "_time",
    "_runtime",
    "_seconds",
    "_duration",
    "_epoch",
    "_step",
)
_BOOKKEEPING_STARTS = ("n_", "num_")
# What a name is split by into a split, a model or a class, and the metric itself: `test.decision_tree_auc`, `ndcg@10`.
_SEPARATORS = re.compile(r"[./@]")
_QUALIFIER = re.compile(r"\(.*?\)")


def direction_of(name: str) -> Direction:
    """The direction of a well-known metric, else neutral. Examples: `val_loss`, `mAP50-95(B)`, `f1_class_1`."""
    for part in _candidates(name):
        if part in _HIGHER:
            return "higher_is_better"
        if part in _LOWER or part.endswith("_loss"):
            return "lower_is_better"
    return "neutral"


def is_bookkeeping(name: str) -> bool:
    """Step numbers, learning rates, sample counts and run times: not a measure of the model."""
    parts = [_normal(part) for part in _SEPARATORS.split(name) if part]
    if not parts or any(part == "lr" for part in parts):
        return bool(parts)
    leaf = parts[-1]
    return (
        leaf.strip("_") in _BOOKKEEPING
        or leaf.startswith(_BOOKKEEPING_STARTS)
        or leaf.endswith(_BOOKKEEPING_ENDS)
    )


def _normal(part: str) -> str:
    part = part.lower()
    if "(" in part:
        part = _QUALIFIER.sub("", part)
    return part.rstrip(": ").replace("-", "_").replace(" ", "_")


def _candidates(name: str) -> list[str]:
    """The whole leaf first, then its endings and beginnings at each `_`, longest first: never a middle.

    The part before the leaf counts only when the leaf is a number or a class: `ndcg@10`, `recall.8`.
    """
    parts = [_normal(part) for part in _SEPARATORS.split(name) if part]
    found = []
    for part in reversed(parts):
        words = part.split("_")
        found += ["_".join(words[start:]) for start in range(len(words))]
        found += ["_".join(words[:end]) for end in range(len(words) - 1, 0, -1)]
    return found
