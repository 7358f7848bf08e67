"""COCO's annotation files."""

from __future__ import annotations

import json

import pytest

from skelstream.datasets.coco import read_coco
from skelstream.errors import FormatError


def written(path, category, person=1):
    joints = {"image_id": 0, "keypoints": [1, 1, 2] * 17, "num_keypoints": 17}
    content = {
        "images": [{"id": 0, "file_name": "0.jpg"}],
        "categories": [{"id": person, "name": "person"}],
        "annotations": [joints | {"category_id": person}, joints | {"category_id": category}],
    }
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("category", "person"), [(None, 1), ("1", 1), (1, "1"), (2.5, 1), ([1], 1), (True, 1)]
)
def test_a_category_that_cannot_be_meant_is_refused(tmp_path, category, person):
    with pytest.raises(FormatError, match=r"a\.json: annotations\[1\].category_id is "):
        read_coco(written(tmp_path / "a.json", category, person))


@pytest.mark.parametrize(("category", "people"), [(2, 1), (1, 2), (1.0, 2)])
def test_other_categories_are_left_out(tmp_path, category, people):
    assert len(read_coco(written(tmp_path / "a.json", category)).rows) == people
