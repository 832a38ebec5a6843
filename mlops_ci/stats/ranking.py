"""Metrics of rankings, by query: the mean over queries of what their order is worth.

The label of a ranking has two columns: how relevant an example is, and the number of its query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def ndcg(label: NDArray[Any], output: NDArray[Any]) -> NDArray[Any]:
    """Normalized discounted cumulative gain with linear gains, ties averaged, 0 of a query without anything relevant:
    scikit-learn's ndcg_score. McSherry and Najork, Computing Information Retrieval Performance Measures Efficiently in
    the Presence of Tied Scores (ECIR 2008).
    """
    return _by_query(label, output, _ndcg)


def mrr(label: NDArray[Any], output: NDArray[Any]) -> NDArray[Any]:
    """Reciprocal rank of the first relevant example (of a label above 0); ties count against it, 0 without any."""
    return _by_query(label, output, _reciprocal_rank)


def _by_query(
    label: NDArray[Any],
    output: NDArray[Any],
    value: Callable[[NDArray[Any], NDArray[Any]], float],
) -> NDArray[Any]:
    """A query's value and the 1 that counts it, spread evenly over its examples: so that sums are those of queries."""
    import numpy as np

    order = np.argsort(label[:, 1], kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(label[order, 1]) != 0])
    rows = np.empty((len(label), 2))
    for places in np.split(order, starts[1:]):
        of_query = value(label[places, 0], output[places])
        rows[places] = [of_query / len(places), 1 / len(places)]
    return rows


def _ndcg(relevance: NDArray[Any], score: NDArray[Any]) -> float:
    import numpy as np

    discounts = 1 / np.log2(np.arange(len(score)) + 2)
    best = float(np.sort(relevance)[::-1] @ discounts)
    if not best:
        return 0.0
    _, tie, counts = np.unique(-score, return_inverse=True, return_counts=True)
    mean = np.bincount(tie, weights=relevance) / counts
    until = np.cumsum(counts)
    total = np.r_[0, np.cumsum(discounts)]
    return float(mean @ (total[until] - total[until - counts])) / best


def _reciprocal_rank(relevance: NDArray[Any], score: NDArray[Any]) -> float:
    relevant = relevance > 0
    if not relevant.any():
        return 0.0
    best = score[relevant].max()
    return 1 / (1 + int((score[~relevant] >= best).sum()))
