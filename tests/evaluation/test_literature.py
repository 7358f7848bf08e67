from __future__ import annotations

from dataclasses import replace

import pytest

from skelstream.datasets.coco import LabelledImage
from skelstream.evaluation.annotations import CocoSet
from skelstream.evaluation.literature import ROWS, compare
from skelstream.evaluation.protocol import ALL_VAL2017, EvalProtocol, describe_images
from skelstream.evaluation.scoring import METRICS

METRICS_OF_OURS = dict.fromkeys(METRICS, 41.0)
SINGLE_SCALE = EvalProtocol(ALL_VAL2017, (1.0,), False, estimator="ours", boxes=False)


def test_single_scale_on_all_of_val2017_has_two_peers():
    comparison = compare(SINGLE_SCALE, METRICS_OF_OURS)
    assert {row.ap for row in comparison.alike} == {49.6, 40.0}
    assert comparison.ours.protocol == comparison.alike[0].protocol
    assert (comparison.ours.method, comparison.ours.ap) == ("ours", 41.0)


@pytest.mark.parametrize(
    "change",
    [
        {"scales": (0.5, 1.0, 1.5)},
        {"scales": None},
        {"flip": True},
        {"flip": None},
        {"boxes": True},
        {"boxes": None},
        {"images": "a subset of val2017: 259 of its 5,000 images"},
        {"images": "all of val2017, 1 of them unreadable"},
    ],
)
def test_any_other_protocol_has_none(change):
    assert compare(replace(SINGLE_SCALE, **change), METRICS_OF_OURS).alike == ()


@pytest.mark.parametrize("scales", [None, (1.0,), (0.5, 1.0)])
@pytest.mark.parametrize("images", sorted({row.images for row in ROWS}))
def test_every_row_is_in_one_place_and_under_its_own_protocol(images, scales):
    comparison = compare(EvalProtocol(images, scales, False, boxes=False), METRICS_OF_OURS)
    others = [row for rows in comparison.others.values() for row in rows]
    assert len(comparison.alike) + len(others) == len(ROWS) == len(set(ROWS))
    assert all(row.protocol == protocol for protocol, rows in comparison.others.items() for row in rows)


def _set(tmp_path, count: int, url: str) -> CocoSet:
    images = {i: LabelledImage(i, f"{i}.jpg", 480, 640, url) for i in range(count)}
    return CocoSet(tmp_path / "mine.json", images, dict.fromkeys(images, ()))


def test_only_all_images_of_val2017_are_called_that(tmp_path):
    url = "http://images.cocodataset.org/val2017/000000000139.jpg"
    assert describe_images(_set(tmp_path, 5000, url)) == ALL_VAL2017
    assert describe_images(_set(tmp_path, 259, url)) == "a subset of val2017: 259 of its 5,000 images"
    assert "2 of them unreadable" in describe_images(_set(tmp_path, 5000, url), unreadable=2)
    assert describe_images(_set(tmp_path, 5000, "")) == "5,000 images of mine.json"


def test_the_protocol_line_says_what_is_not_known():
    line = EvalProtocol("3 images", (0.5, 1.0), True, "long side 368", "a net", "ab" * 32, "torch").line()
    assert line == (
        "images: 3 images; scales: 0.5 + 1 (multi); flip: yes; input: long side 368;"
        " person boxes: not stated; estimator: a net; weights: sha256 abababababab; runtime: torch"
    )
    assert EvalProtocol("3 images").line().count("not stated") == 7
