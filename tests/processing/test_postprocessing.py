"""Postprocessing warns of hands and faces that only the wanted joint set, or only the sequence, has."""

from __future__ import annotations

import numpy as np
import pytest

from skelstream.people import People
from skelstream.processing import postprocess
from skelstream.sequences.builder import SequenceBuilder
from skelstream.settings.postprocessing import PostprocessingSettings
from skelstream.skeleton import skeleton_named
from skelstream.tracking.tracked import TrackedPeople


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        (
            "openpose18",
            "coco-wholebody133",
            "the joints of faces and hands in coco-wholebody133 are missing, because nobody looked for them",
        ),
        (
            "body+hands",
            "coco-wholebody133",
            "the joints of faces in coco-wholebody133 are missing, because nobody looked for them",
        ),
        ("body+hands+face", "holistic543", None),
        ("openpose18", "coco17", None),
        ("body+hands", "openpose18", "hands are left out, because openpose18 has no joints of them"),
    ],
)
def test_hands_and_faces_that_nobody_looked_for_are_told(source: str, target: str, told: str | None) -> None:
    skeleton = skeleton_named(source)
    builder = SequenceBuilder(skeleton, source="a.mp4", height=64, width=64)
    pose, score = np.ones((1, len(skeleton), 2), np.float32), np.full((1, len(skeleton)), 0.5, np.float32)
    people = People(pose, score, score[:, 0], np.array([[0, 0, 9, 9]], np.float32))
    builder.add(TrackedPeople(0, 0.0, people, np.ones(1, np.int32), np.ones(1, np.bool_)))
    warnings = postprocess(builder.finish(), PostprocessingSettings(skeleton=target)).meta["warnings"]
    assert warnings == ([f"a.mp4: {told}"] if told else [])
