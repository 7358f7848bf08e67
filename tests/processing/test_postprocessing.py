"""Postprocessing warns of hands and faces that only the wanted joint set, or only the sequence, has, and of 3D joints
that it leaves out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skelstream.people import People
from skelstream.processing import postprocess
from skelstream.sequences.builder import SequenceBuilder
from skelstream.sequences.lifted import Lifted
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


@pytest.mark.parametrize(
    ("settings", "left_out", "facts"),
    [
        ({"fps": 5}, True, False),
        ({"fill": 0.5}, True, True),
        ({"smooth": True}, True, True),
        ({}, False, True),
    ],
)
def test_a_warning_names_3d_joints_that_are_left_out(two_walkers, settings, left_out, facts) -> None:
    """Measured poses keep theirs beside filled and smoothed ones; of a resampled file none are left."""
    sequence = two_walkers
    places = np.zeros((len(sequence.frame), 17, 3), np.float32)
    lifted = Lifted(places, np.ones(places.shape[:2], bool))
    sequence = replace(sequence, lifted=lifted, meta={**sequence.meta, "lifting": {"unit": "m"}})
    result = postprocess(sequence, PostprocessingSettings(**settings))
    lines = [line for line in result.meta.get("warnings") or [] if "3D" in line]
    assert [line.partition(": ")[2] for line in lines] == [
        "filled, smoothed and resampled poses have no 3D joints; skelstream lift makes new ones"
    ] * left_out
    assert (result.lifted is None) is left_out
    assert ("lifting" in result.meta) is facts
    assert (result.measured.lifted is not None) is facts
