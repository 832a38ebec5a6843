"""Which examples flipped, by classes and by scores."""

from __future__ import annotations

import json
from typing import Any

from mlops_ci.predictions import PredictionPair, PredictionsConfig
from mlops_ci.predictions.files import read
from mlops_ci.predictions.flips import SliceFlips, flips


def pair(old: list[Any], new: list[Any], **more: Any) -> PredictionPair:
    """Of labels 1, 1, 0, 0; the value of a side is its score or class."""
    key = "prediction" if "prediction" in more else "score"
    config = PredictionsConfig(
        path="p.csv", **({"score": "said"} | more if key == "score" else more)
    )
    sides = [
        "\n".join(
            json.dumps(
                {"id": f"e{at}", "label": label, "said": said, "region": "EU" if at else "US"}
            )
            for at, (label, said) in enumerate(zip((1, 1, 0, 0), side, strict=True))
        )
        for side in (old, new)
    ]
    baseline, candidate = (read("p.jsonl", side.encode(), config, ["region"]) for side in sides)
    return PredictionPair(config=config, path="p.jsonl", baseline=baseline, candidate=candidate)


def test_flips_by_score_and_by_class() -> None:
    for found in (
        flips(pair([0.9, 0.2, 0.1, 0.9], [0.4, 0.6, 0.2, 0.5])),
        flips(pair([1, 0, 0, 1], [0, 1, 0, 1], prediction="said")),
    ):
        assert found
        assert (found.wrong, found.right) == (("e0",), ("e1",))
        assert found.slices == (
            SliceFlips(name="region=US", wrong=1, right=0),
            SliceFlips(name="region=EU", wrong=0, right=1),
        )


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert flips(None) is None
    assert (
        flips(PredictionPair(config=PredictionsConfig(path="p.csv", score="s"), path="p")) is None
    )
    assert flips(pair([0.9] * 4, ["x"] * 4)) is None
    assert flips(pair([1] * 4, [0] * 4, prediction="said", task="regression")) is None
