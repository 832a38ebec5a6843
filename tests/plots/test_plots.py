"""What `dvc.yaml` declares, as files and columns."""

from __future__ import annotations

from mlops_ci.plots import Plot, Source, sources


def declared(*plots: Plot) -> list[Source]:
    return [one for found in sources(plots).values() for one in found]


def test_a_path_with_its_columns():
    props = {"x": "epoch", "y": ["loss", "val_loss"], "template": "simple", "y_label": "log loss"}
    (one,) = declared(Plot(path="p/log.csv", props=props))
    assert one == Source(
        path="p/log.csv", x="epoch", ys=("loss", "val_loss"), template="simple", y_label="log loss"
    )


def test_a_name_whose_y_says_the_files():
    props = {"x": {"a.csv": "fpr"}, "y": {"a.csv": "tpr", "../b.json": ["p", "r"]}}
    one, other = declared(Plot(path="sub/ROC", folder="sub", props=props))
    assert (one.path, one.x, one.ys) == ("sub/a.csv", "fpr", ("tpr",))
    assert (other.path, other.x, other.ys) == ("b.json", "", ("p", "r"))


def test_a_bare_path_adds_nothing_to_one_that_says_what():
    said = Plot(path="ROC", props={"y": {"roc.json": "tpr"}, "x": "fpr"})
    for plots in ((Plot(path="roc.json"), said), (said, Plot(path="roc.json"))):
        (one,) = declared(*plots)
        assert one.ys == ("tpr",)
    assert declared(Plot(path="roc.json")) == [Source(path="roc.json")]


def test_odd_props_are_no_columns():
    (one,) = declared(Plot(path="a.csv", props={"x": {"b": 1}, "y": [None, ["x"], 3, {"z": 1}]}))
    assert (one.x, one.ys) == ("", ("3",))
    (many,) = declared(Plot(path="a.csv", props={"y": [str(at) for at in range(999)]}))
    assert len(many.ys) == 12
