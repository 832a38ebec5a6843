"""Metrics of predictions as functions of sums over examples, so that whole sets, slices and resamples are one thing.

Definitions are those of scikit-learn, with zero_division=0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mlops_ci.frozen import dataclass
from mlops_ci.stats import ranking

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Columns = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]

Needs = Literal["score", "binary", "classes", "number", "ranking"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """`columns` of label and output, one row an example; `value` of their sums, over the last axis.

    Without them it depends on the order of scores (the area under a curve).
    """

    needs: Needs
    columns: Columns | None = None
    value: Callable[[NDArray[Any]], NDArray[Any]] | None = None
    aliases: tuple[str, ...] = ()


def _cells(label: NDArray[Any], output: NDArray[Any]) -> NDArray[Any]:
    """True and false positives, false and true negatives."""
    import numpy as np

    cells = (label & output, ~label & output, label & ~output, ~label & ~output)
    return np.stack(cells, axis=1).astype(float)


def _share(part: Any, whole: Any) -> Any:
    """0 of none, as scikit-learn has it."""
    import numpy as np

    return np.where(whole != 0, part / np.where(whole != 0, whole, 1), 0.0)


def _precision(s: NDArray[Any]) -> Any:
    return _share(s[..., 0], s[..., 0] + s[..., 1])


def _recall(s: NDArray[Any]) -> Any:
    return _share(s[..., 0], s[..., 0] + s[..., 2])


def _specificity(s: NDArray[Any]) -> Any:
    return _share(s[..., 3], s[..., 3] + s[..., 1])


def _f1(s: NDArray[Any]) -> Any:
    return _share(2 * s[..., 0], 2 * s[..., 0] + s[..., 1] + s[..., 2])


def _mcc(s: NDArray[Any]) -> Any:
    import numpy as np

    tp, fp, fn, tn = (s[..., place] for place in range(4))
    return _share(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


def _by_class(label: NDArray[Any], output: NDArray[Any]) -> NDArray[Any]:
    """For each class from 0: how often right, how often the label, how often said."""
    import numpy as np

    classes = np.arange(int(max(label.max(), output.max())) + 1)
    labels, said = label[:, None] == classes, output[:, None] == classes
    return np.concatenate([labels & said, labels, said], axis=1).astype(float)


def _right(label: NDArray[Any], output: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    return np.stack([label == output, np.ones(len(label))], axis=1).astype(float)


def _mean(s: NDArray[Any]) -> Any:
    return _share(s[..., 0], s[..., 1])


def _macro_f1(s: NDArray[Any]) -> Any:
    """Over the classes that are a label or were said."""
    right, labels, said = _thirds(s)
    return _share(_share(2 * right, labels + said).sum(axis=-1), (labels + said > 0).sum(axis=-1))


def _macro_recall(s: NDArray[Any]) -> Any:
    """Over the classes that are a label."""
    right, labels, _ = _thirds(s)
    return _share(_share(right, labels).sum(axis=-1), (labels > 0).sum(axis=-1))


def _thirds(s: NDArray[Any]) -> tuple[Any, Any, Any]:
    width = s.shape[-1] // 3
    return s[..., :width], s[..., width : 2 * width], s[..., 2 * width :]


def _squared(label: NDArray[Any], output: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    return np.stack([(output - label) ** 2, np.ones(len(label))], axis=1)


def _absolute(label: NDArray[Any], output: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    return np.stack([np.abs(output - label), np.ones(len(label))], axis=1)


def _log_loss(label: NDArray[Any], output: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    least = np.finfo(float).eps
    said = np.clip(np.where(label, output, 1 - output), least, 1 - least)
    return np.stack([-np.log(said), np.ones(len(label))], axis=1)


def _moments(label: NDArray[Any], output: NDArray[Any]) -> NDArray[Any]:
    """Of labels less their mean, which does not change R² and keeps its digits."""
    import numpy as np

    centred = label - label.mean()
    return np.stack([(output - label) ** 2, centred, centred**2, np.ones(len(label))], axis=1)


def _root(s: NDArray[Any]) -> Any:
    import numpy as np

    return np.sqrt(_mean(s))


def _r2(s: NDArray[Any]) -> Any:
    import numpy as np

    spread = s[..., 2] - s[..., 1] ** 2 / s[..., 3]
    return np.where(spread > 0, 1 - s[..., 0] / np.where(spread > 0, spread, 1), np.nan)


def _of_cells(value: Callable[[NDArray[Any]], Any], *aliases: str) -> Metric:
    return Metric(needs="binary", columns=_cells, value=value, aliases=aliases)


METRICS = {
    "roc_auc": Metric(needs="score", aliases=("auc", "auroc", "rocauc", "roc_auc_score")),
    "average_precision": Metric(needs="score", aliases=("ap", "pr_auc", "auprc", "avg_precision")),
    "log_loss": Metric(
        needs="score", columns=_log_loss, value=_mean, aliases=("logloss", "cross_entropy")
    ),
    "brier": Metric(
        needs="score", columns=_squared, value=_mean, aliases=("brier_score", "brier_score_loss")
    ),
    "precision": _of_cells(_precision, "ppv"),
    "recall": _of_cells(_recall, "tpr", "sensitivity"),
    "specificity": _of_cells(_specificity, "tnr"),
    "f1": _of_cells(_f1, "f1_score"),
    "mcc": _of_cells(_mcc, "matthews_corrcoef"),
    "accuracy": Metric(needs="classes", columns=_right, value=_mean, aliases=("acc",)),
    "balanced_accuracy": Metric(
        needs="classes", columns=_by_class, value=_macro_recall, aliases=("recall_macro",)
    ),
    "f1_macro": Metric(
        needs="classes", columns=_by_class, value=_macro_f1, aliases=("macro_f1",)
    ),
    "mae": Metric(
        needs="number", columns=_absolute, value=_mean, aliases=("mean_absolute_error",)
    ),
    "mse": Metric(needs="number", columns=_squared, value=_mean, aliases=("mean_squared_error",)),
    "rmse": Metric(
        needs="number", columns=_squared, value=_root, aliases=("root_mean_squared_error",)
    ),
    "r2": Metric(needs="number", columns=_moments, value=_r2, aliases=("r2_score",)),
    "ndcg": Metric(needs="ranking", columns=ranking.ndcg, value=_mean, aliases=("ndcg_score",)),
    "mrr": Metric(
        needs="ranking", columns=ranking.mrr, value=_mean, aliases=("mean_reciprocal_rank",)
    ),
}  # fmt: skip


def known_as(name: str) -> str:
    """The metric that the last part of a dotted name usually means; "" for any other."""
    leaf = name.rpartition(".")[2].casefold().replace("-", "_").replace(" ", "_")
    return next((one for one, m in METRICS.items() if leaf == one or leaf in m.aliases), "")


def reach(name: str, value: float) -> tuple[float | None, float | None]:
    """The least and the most that a metric of a usual name can be; None where there is no end, or nobody knows.

    Where a fraction is stated as a percentage, `value` shows it.
    """
    metric = known_as(name)
    if metric in ("log_loss", "mae", "mse", "rmse"):
        return 0.0, None
    whole = 1.0 if abs(value) <= 1 else 100.0
    if metric == "r2":
        return None, whole
    if metric == "mcc":
        return -whole, whole
    return (0.0, whole) if metric else (None, None)
