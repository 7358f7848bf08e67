"""Identities for people that a file holds without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skelstream.sequences import Detections, SequenceBuilder, SkeletonSequence
from skelstream.tracking.settings import TrackerSettings
from skelstream.tracking.tracked import TrackedPeople
from skelstream.tracking.tracker import Tracker


def tracked(
    found: Detections | SkeletonSequence, settings: TrackerSettings = TrackerSettings()
) -> SkeletonSequence:
    """The people with identities: a sequence has them and stays as it is, detections get them from the tracker.

    What the user should know of the tracking is in the sequence's ``meta["warnings"]``, a line each.
    """
    if isinstance(found, SkeletonSequence):
        return found
    times = [time for _, time, _ in found.frames]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    if settings.needed(step) == 1 or settings.max_step == 0:
        # Where a single detection confirms a track, every detection in the file counts as a person.
        settings = replace(settings, high_certainty=0.0)
    tracker = Tracker(settings, found.skeleton)
    builder = SequenceBuilder(
        found.skeleton, source=found.source, height=found.height, width=found.width,
        warnings=lambda: [f"{found.source}: {tracker.warning}"] if tracker.warning else [],
    )  # fmt: skip
    for index, time, people in found.frames:
        if people is None:
            builder.add(TrackedPeople.failed(index, time, len(found.skeleton)))
        else:
            builder.add(tracker.update(index, time, people))
    return builder.finish()
