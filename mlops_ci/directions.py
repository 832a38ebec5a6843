"""Which way is better, by the names that public repositories use; and which names are only bookkeeping."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Direction = Literal["higher_is_better", "lower_is_better", "neutral"]

_HIGHER = frozenset(
    """accuracy acc balanced_accuracy precision recall f1 f1_score f1_macro macro_f1 micro_f1 f1_micro f1_weighted
    weighted_f1 fbeta auc roc_auc auroc pr_auc auprc average_precision map map50 map50_95 iou miou dice jaccard mcc
    kappa cohen_kappa r2 r2_score ndcg mrr rbp hit_rate bleu bleu4 rouge rouge1 rouge2 rougel spearman pearson tpr
    tnr true_positive_rate true_negative_rate specificity sensitivity explained_variance sharpe_ratio
    win_rate""".split()
)
_LOWER = frozenset(
    """loss mae mse rmse rmsle mape smape mean_absolute_error mean_squared_error root_mean_squared_error
    mean_absolute_percentage_error error error_rate wer cer log_loss logloss perplexity brier ece fpr fnr fp fn
    false_positive false_positives false_negative false_negatives
    false_positive_rate false_negative_rate ppl
    max_drawdown latency""".split()
)
_QUALIFIERS = frozenset(
    """std stdev sd var variance gap drop diff delta change reduction improvement threshold thresholds importance
    importances shap size time to lower upper ci""".split()
)
_IMPORTANCES = frozenset(
    {"feature_importance", "feature_importances", "importance", "importances", "shap"}
)
_SUFFIXES = frozenset(
    """class label top at macro micro weighted avg average mean score binary samples overall total train test val
    valid validation dev eval holdout ms us sec seconds count""".split()
)
# What Lightning adds to a name that it logs twice.
_LOGGED = frozenset({"step", "epoch"})
_NO_VARIANCE = "explained_variance"  # a measure, not the variance of one
_NEGATED = frozenset({"neg", "negative"})
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


# What a gate can ask of the Record of a training, by its full name.
RECORDED = ("record.training_seconds", "record.model_bytes")


@lru_cache(maxsize=65_536)
def direction_of(name: str) -> Direction:
    """The direction of a well-known metric, else neutral. Examples: `val_loss`, `mAP50-95(B)`, `f1_class_1`.

    What is told *of* a metric (`auc_std`, `accuracy_gap`) is neutral; a negated error (`neg_mse`) is better higher.
    """
    if name in RECORDED:
        return "lower_is_better"
    parts = [_normal(part) for part in _SEPARATORS.split(name) if part]
    words = {word for part in parts for word in part.replace(_NO_VARIANCE, "").split("_")}
    if words & _QUALIFIERS:
        return "neutral"
    for part in _candidates(parts):
        if part in _HIGHER:
            return "higher_is_better"
        if part in _LOWER or part.endswith("_loss"):
            return "higher_is_better" if words & _NEGATED else "lower_is_better"
    return "neutral"


def is_bookkeeping(name: str) -> bool:
    """Step numbers, learning rates, sample counts and run times: not a measure of the model."""
    parts = [_normal(part) for part in _SEPARATORS.split(name) if part]
    if not parts or direction_of(name) != "neutral" or _IMPORTANCES.intersection(parts):
        return False
    leaf = parts[-1]
    return (
        "lr" in parts
        or leaf.strip("_") in _BOOKKEEPING
        or leaf.startswith(_BOOKKEEPING_STARTS)
        or leaf.endswith(_BOOKKEEPING_ENDS)
    )


def _normal(part: str) -> str:
    part = part.lower()
    if "(" in part:
        part = _QUALIFIER.sub("", part)
    return part.rstrip(": ").replace("-", "_").replace(" ", "_")


def _candidates(parts: list[str]) -> list[str]:
    """The whole leaf first, then its endings, then its beginnings where the rest is a class, an average or a split."""
    found = []
    for part in reversed(parts):
        words = part.split("_")
        while len(words) > 1 and words[-1] in _LOGGED:
            words.pop()
        found += ["_".join(words[start:]) for start in range(len(words))]
        for end in range(len(words) - 1, 0, -1):
            if all(word in _SUFFIXES or len(word) == 1 or word.isdigit() for word in words[end:]):
                found.append("_".join(words[:end]))
    return found
