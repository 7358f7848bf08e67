"""People with hands and faces."""

from __future__ import annotations

import numpy as np

from skelstream.people import People
from skelstream.sequences import SequenceBuilder, SkeletonSequence
from skelstream.skeleton import BODY_HANDS_FACE
from skelstream.tracking.tracked import TrackedPeople

FRAMES = 6


def whole_scene(name: str = "body+hands+face") -> SkeletonSequence:
    """Two people, tracks 4 and 9, whose joints all have places of their own.

    Track 4 has no left hand in frame 2, track 9 no face and no right hand in frame 3 and nobody is there in frame 5.
    """
    skeleton = BODY_HANDS_FACE
    rng = np.random.default_rng(5)
    # Eighths of pixels, which files of text hold too.
    base = (
        np.stack([rng.permutation(800) for _ in range(4)]).reshape(2, 2, 800)[..., : len(skeleton)] / 4 + 20
    )
    builder = SequenceBuilder(skeleton, source="sign.mp4", height=480, width=640)
    for t in range(FRAMES):
        keypoints = (base.transpose(0, 2, 1) + 2 * t + [[[200, 0]], [[0, 100]]]).astype(np.float32)
        scores = np.full(keypoints.shape[:2], 0.75, np.float32)
        scores[1] = 0.5
        for frame, person, part in ((2, 0, "left_hand"), (3, 1, "face"), (3, 1, "right_hand")):
            if t == frame:
                joints = list(skeleton.parts[part])
                keypoints[person, joints], scores[person, joints] = np.nan, 0
        boxes = np.concatenate([np.nanmin(keypoints, 1), np.nanmax(keypoints, 1)], 1)
        people = People(keypoints, scores, np.array([0.75, 0.5], np.float32), boxes)
        rows = [] if t == 5 else [0, 1]
        ids = np.array([4, 9], np.int32)[rows]
        builder.add(TrackedPeople(t, t / 25, people.take(np.array(rows, int)), ids, np.ones(len(ids), bool)))
    sequence = builder.finish()
    return sequence if name == skeleton.name else sequence.as_skeleton(name)
