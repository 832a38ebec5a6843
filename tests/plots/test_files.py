"""Files of plots, as they come and as nobody should write them."""

from __future__ import annotations

import json
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_ci.plots import Curve, Matrix, Picture, PlotChange, Source
from mlops_ci.plots import files as plot_files

LOG = "epoch,loss\n1,0.5\n2,0.25\n3,0.3\n"
AS_JSON = '[{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": "0.25"}, 7, {"epoch": 3, "loss": 0.3}]'
XY = {"x": "epoch", "ys": ("loss",)}


def changes(source: Source, old: str | bytes | None, new: str | bytes | None) -> list[PlotChange]:
    sides = (one.encode() if isinstance(one, str) else one for one in (old, new))
    return list(plot_files.changes(source, *sides))


def read(path: str, content: str | bytes, **props: object) -> PlotChange:
    (found,) = changes(Source(path=path, **props), None, content)  # type: ignore[arg-type]
    assert found.change == "added"
    return found


def points(path: str, content: str | bytes, **props: object) -> list[tuple[float, float]]:
    drawing = read(path, content, **props).candidate
    assert isinstance(drawing, Curve)
    return list(drawing.points)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.csv", LOG),
        ("a.CSV", "\ufeff" + LOG.replace("\n", "\r\n")),
        ("a.csv", LOG.encode("utf-16")),
        ("a.tsv", LOG.replace(",", "\t")),
        ("a.csv", 'epoch,note,loss\n3,"a,\nb",0.3\n1,,0.5\n\n2,x,0.25\n'),
        ("a.json", AS_JSON),
        ("a.json", f'{{"n": {{"m": 1}}, "log": {AS_JSON}}}'),
        ("a.yaml", "- {epoch: 1, loss: 0.5}\n- {epoch: 2, loss: 0.25}\n- {epoch: 3, loss: 0.3}\n"),
    ],
)  # fmt: skip
def test_formats(path, content):
    assert points(path, content, **XY) == [(1, 0.5), (2, 0.25), (3, 0.3)]


def test_without_columns_the_last_one_by_row():
    assert points("a.csv", LOG) == [(0, 0.5), (1, 0.25), (2, 0.3)]
    assert points("a.json", '[{"a": 1, "b": 2}]') == [(0, 2)]
    assert points("a.csv", "1,5\n2,6\n", header=False, x="0", ys=("1",)) == [(1, 5), (2, 6)]


def test_words_on_the_x_axis_are_rows():
    assert points("a.csv", "day,loss\nmon,1\ntue,2\n", x="day") == [(0, 1), (1, 2)]


def test_what_is_no_number_is_left_out_and_counted():
    content = "epoch,loss\n1,nan\n2,0.5\n3,\n4,inf\n5,x\n6,1e999\n7\n8,true\n"
    drawing = read("a.csv", content, **XY).candidate
    assert drawing == Curve(points=((2, 0.5),), count=1, skipped=7)
    found = read("a.json", '[{"epoch": 1, "loss": NaN}, {"epoch": 2, "loss": 2}]', **XY).candidate
    assert found == Curve(points=((2, 2),), count=1, skipped=1)


@pytest.mark.parametrize(
    ("path", "content", "props", "reason"),
    [
        ("a.csv", "", {}, "holds no rows"),
        ("a.csv", "a,b\n", {}, "holds no rows"),
        ("a.csv", LOG, {"ys": ("acc",)}, "there is no column 'acc'"),
        ("a.csv", LOG, {"x": "step"}, "there is no column 'step'"),
        ("a.csv", "loss\nx\ny\n", {}, "holds no numbers to draw"),
        ("a.csv", b"a\n\xff\xfe\xfd", {}, "not UTF-8"),
        ("a.csv", "a\n" + "1" * 200_000, {}, "field larger than field limit"),
        ("a.json", "{", {}, "broken JSON"),
        ("a.json", "3", {}, "holds no list of rows"),
        ("a.json", "[1, 2]", {}, "holds no list of rows"),
        ("a.json", "[" * 100_000, {}, "nested too deeply"),
        ("a.yaml", "a: [", {}, "a.yaml"),
        ("a.yaml", " " * 1_000_001, {}, "more than the limit of 1,000,000"),
        ("a.csv", " " * 8_000_001, {}, "more than the limit of 8,000,000"),
        ("a.csv", "a\n" + "1\n" * 200_001, {}, "more than the limit of 200,000 rows"),
        ("a.csv", LOG, {"template": "bar_horizontal"}, "is of a kind that is not drawn here"),
        ("a.svg", "<svg/>", {}, "is of a kind that is not drawn here"),
        ("a", LOG, {}, "is of a kind that is not drawn here"),
        ("a.csv", LOG, {"template": "confusion"}, "a confusion matrix needs one x and one y"),
        ("a.png", "<svg onload=alert(1)>", {}, "is no PNG and no JPEG"),
        ("a.png", b"\x89PNG\r\n\x1a\n", {}, "is no PNG and no JPEG"),
        ("a.jpg", b"\xff\xd8\xff", {}, "is no PNG and no JPEG"),
        ("a.jpg", b"\xff\xd8" + b"\xff\xe0\x00\x00" * 9, {}, "is no PNG and no JPEG"),
        ("a.png", b"x" * 1_000_001, {}, "more than the limit of 1,000,000"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_says_why(path, content, props, reason):
    found = read(path, content, **props)
    assert found.kind == "other"
    assert found.candidate is None
    assert reason in found.reason
    assert "\n" not in found.reason


def test_too_many_labels():
    rows = "".join(f"{at},{at}\n" for at in range(101))
    found = read("a.csv", "a,p\n" + rows, template="confusion", x="a", ys=("p",))
    assert found.reason == "candidate: 101 labels, more than the limit of 100"


def test_a_matrix_counts_pairs():
    content = "actual,predicted\n10,9\n9,9\n9,9\ncat,9\n"
    found = read("a.csv", content, template="confusion_normalized", x="actual", ys=("predicted",))
    assert found.kind == "confusion"
    matrix = found.candidate
    assert matrix == Matrix(
        labels=("9", "10", "cat"), counts={("10", "9"): 1, ("9", "9"): 2, ("cat", "9"): 1}
    )
    assert isinstance(matrix, Matrix)
    assert (matrix.right, matrix.total) == (2, 4)


def test_only_the_column_that_differs():
    old = "epoch,loss,acc\n1,0.5,0.8\n2,0.4,0.9\n"
    new = old.replace("0.4", "0.3")
    (found,) = changes(Source(path="a.csv", x="epoch", ys=("loss", "acc")), old, new)
    assert (found.y, found.x, found.change) == ("loss", "epoch", "changed")
    assert changes(Source(path="a.csv", x="epoch", ys=("acc",)), old, new) == []


def test_a_side_that_breaks_is_named():
    (found,) = changes(Source(path="a.json"), '[{"a": 1}]', "{")
    assert found.reason.startswith("candidate: ")
    assert found.digests[0] != found.digests[1]
    (found,) = changes(Source(path="a.json"), "{", '[{"a": 1}]')
    assert found.reason.startswith("baseline: ")
    (found,) = changes(Source(path="a.json"), '[{"a": 1}]', None)
    assert (found.change, found.candidate, found.digests[1]) == ("removed", None, "")


def test_no_peak_is_lost_among_many_points():
    values = [0.0] * 100_000
    values[77_777], values[12_345] = 9.0, -9.0
    content = json.dumps([{"v": value} for value in values])
    drawing = read("a.json", content).candidate
    assert isinstance(drawing, Curve)
    assert drawing.count == 100_000
    assert len(drawing.points) <= plot_files.MAX_POINTS
    assert {(77_777, 9.0), (12_345, -9.0), (0, 0.0), (99_999, 0.0)} <= set(drawing.points)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0\0" * min(height, 9))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08\x00\x07\x00\x09\x01\x01\x11\x00"


@pytest.mark.parametrize(
    ("path", "content", "media", "size"),
    [
        ("a.png", png(1, 2), "image/png", (1, 2)),
        ("a.JPG", JPEG, "image/jpeg", (9, 7)),
        ("a.png", JPEG, "image/jpeg", (9, 7)),  # the bytes count, not the name
    ],
)
def test_pictures(path, content, media, size):
    picture = read(path, content).candidate
    assert isinstance(picture, Picture)
    assert (picture.media, picture.content) == (media, content)
    assert (picture.width, picture.height) == size


def test_a_picture_that_would_fill_the_memory():
    for width, height in ((30_000, 30_000), (0, 5)):
        assert "pixels, more than the limit" in read("a.png", png(width, height)).reason


@settings(deadline=None)
@given(
    st.sampled_from(["a.csv", "a.tsv", "a.json", "a.yaml", "a.png", "a.jpg"]),
    st.binary(max_size=200) | st.text(max_size=200).map(lambda one: one.encode("utf-8", "replace")),
    st.sampled_from(["", "linear", "confusion"]),
)
def test_nothing_crashes(path, content, template):
    for source in (Source(path=path, template=template), Source(path=path, x="a", ys=("a",))):
        for found in changes(source, content, b"\x89PNG\r\n\x1a\n" + content):
            assert found.reason or found.candidate or found.baseline
