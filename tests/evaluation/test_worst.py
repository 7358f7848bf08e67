from __future__ import annotations

import cv2
import numpy as np
import pytest

from skelstream.evaluation.scoring import score
from skelstream.evaluation.worst import montage, worst_images


@pytest.fixture
def scored(scene, load):
    """Image 1 is right, 2 lacks one of two people, 3 has a false person, 4 is empty and right."""
    rows = [
        scene.annotation(i, image, (x, 50)) for i, image, x in ((1, 1, 0), (2, 2, 0), (3, 2, 300), (4, 3, 0))
    ]
    stranger = scene.result(scene.annotation(5, 3, (400, 100)), 0.5)
    results = [scene.result(rows[0]), scene.result(rows[1]), scene.result(rows[3]), stranger]
    coco_set = load(rows, images=4)
    return coco_set, score(coco_set, results)


def test_worst_first_and_right_ones_left_out(scored):
    worst = worst_images(scored[1], 9)
    assert [w.match.image_id for w in worst] == [2, 3]
    assert [w.loss for w in worst] == pytest.approx([1.0, 0.5])
    assert [(w.missed, w.spurious) for w in worst] == [(1, 0), (0, 1)]
    assert len(worst_images(scored[1], 1)) == 1


def test_the_montage_shows_labels_left_and_estimates_right(scored, tmp_path):
    coco_set, scores = scored
    for i in range(1, 5):
        cv2.imwrite(str(tmp_path / f"{i:03d}.png"), np.full((480, 640, 3), 128, np.uint8))
    (worst, *_) = worst_images(scores, 1)
    picture = montage([worst], coco_set, tmp_path, width=1400)
    assert picture.shape[1] == 1400 and picture.dtype == np.uint8
    coloured = (np.ptp(picture.astype(int), axis=2) > 60).sum(0)
    left, right = coloured[:700].sum(), coloured[700:].sum()
    assert left > 1.7 * right > 0  # two people are labelled, one was found
