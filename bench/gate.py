"""The statistics of `mlops-ci gate` beside scipy, pandas and scikit-learn.

    python bench/gate.py [--examples 1000000] [--resamples 2000] [--slices 1000]

Each part runs in a process of its own. Prints a markdown table: processor seconds, and the most memory it took. A peer
that would take hours, or more memory than there is, does fewer resamples and is scaled up: its column says so.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops_ci.stats import auc, paired
from mlops_ci.stats.joined import places_of

if TYPE_CHECKING:
    from collections.abc import Callable

# ru_maxrss is in bytes on macOS, in KiB elsewhere.
MEGABYTE = 1e6 if sys.platform == "darwin" else 1e6 / 1024

# What a peer needs to begin with, its import and the examples, is not scaled up: so many resamples tell it.
_FEW = 2


def sample(count: int) -> tuple[Any, Any, Any]:
    """One in five positive; two models that share part of their errors."""
    random = np.random.default_rng(0)
    label = random.random(count) < 0.2
    common = label + 0.7 * random.normal(0, 1, count)
    return label, *(common + own * random.normal(0, 1, count) for own in (0.7, 0.75))


def ours(count: int, resamples: int) -> str:
    label, old, new = sample(count)
    found = auc.bootstrap_ranked("roc_auc", label, old, new, resamples=resamples)
    return "{:+.5f} … {:+.5f}".format(*found.interval(0.9))


def scipys(count: int, resamples: int) -> str:
    from scipy import stats

    def difference(label: Any, old: Any, new: Any, axis: int) -> Any:
        return area(label, new, axis) - area(label, old, axis)

    def area(label: Any, score: Any, axis: int) -> Any:
        """By ranks: the fastest that is known for one resample."""
        positives = label.sum(axis=axis)
        ranks = (stats.rankdata(score, axis=axis) * label).sum(axis=axis)
        pairs = positives * (label.shape[axis] - positives)
        return (ranks - positives * (positives + 1) / 2) / pairs

    found = stats.bootstrap(
        sample(count),
        difference,
        n_resamples=resamples,
        paired=True,
        vectorized=True,
        batch=1,
        method="percentile",
        confidence_level=0.9,
        rng=1,
    )
    return "{:+.5f} … {:+.5f}".format(*found.confidence_interval)


def slices(count: int, parts: int) -> tuple[Any, Any, Any]:
    label, old, _ = sample(count)
    return label, old, np.random.default_rng(1).integers(parts, size=count)


def our_slices(count: int, parts: int) -> str:
    label, score, codes = slices(count, parts)
    found = 0.0
    for places in places_of(codes, parts):
        mine, scores = label[places], score[places]
        found += paired.value_of("roc_auc", mine, scores)
        found += paired.value_of("f1", mine, scores > 0.5)
    return f"{found:.6f}"


def peer_slices(count: int, parts: int) -> str:
    import pandas as pd
    from sklearn.metrics import f1_score, roc_auc_score

    label, score, codes = slices(count, parts)
    frame = pd.DataFrame({"label": label, "score": score, "slice": codes})
    found = 0.0
    for _, part in frame.groupby("slice"):
        found += roc_auc_score(part["label"], part["score"])
        found += f1_score(part["label"], part["score"] > 0.5)
    return f"{found:.6f}"


def _child(work: Callable[[int, int], str], count: int, size: int, answer: Any) -> None:
    started = time.process_time()
    said = work(count, size)
    seconds = time.process_time() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
    answer.send((seconds, memory, said))


def measured(work: Callable[[int, int], str], count: int, size: int) -> tuple[float, float, str]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(work, count, size, sender))
    process.start()
    sender.close()
    found: tuple[float, float, str] = receiver.recv()
    process.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=1_000_000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--peer-resamples", type=int, default=20, help="of scipy, scaled up")
    parser.add_argument("--slices", type=int, default=1000)
    chosen = parser.parse_args()
    print("| work | with | CPU s | most memory | ratio | answer |")
    print("|:--|:--|--:|--:|--:|:--|")
    count = chosen.examples
    work = f"change of AUC, {count:,} examples × {chosen.resamples:,} resamples"
    mine = measured(ours, count, chosen.resamples)
    peer = measured(scipys, count, chosen.peer_resamples)
    few = measured(scipys, count, _FEW)
    each = (peer[0] - few[0]) / (chosen.peer_resamples - _FEW)
    scaled = few[0] + each * (chosen.resamples - _FEW)
    show(work, "mlops-ci", mine)
    named = f"scipy.stats.bootstrap, {chosen.peer_resamples:,} scaled up"
    show(work, named, (scaled, *peer[1:]), scaled / mine[0])
    work = f"AUC and F1 of {chosen.slices:,} slices, {count:,} examples"
    mine, peer = (measured(one, count, chosen.slices) for one in (our_slices, peer_slices))
    show(work, "mlops-ci", mine)
    show(work, "pandas groupby, scikit-learn", peer, peer[0] / mine[0])


def show(work: str, name: str, found: tuple[float, float, str], ratio: float | None = None) -> None:
    seconds, memory, said = found
    shown = f"{ratio:.1f}×" if ratio else ""
    print(f"| {work} | {name} | {seconds:,.1f} | {memory:,.0f} MB | {shown} | {said} |", flush=True)


if __name__ == "__main__":
    main()
