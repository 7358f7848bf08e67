"""Identities for people that a file holds without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skelstream.sequences import Detections, SequenceBuilder, SkeletonSequence
from skelstream.settings.tracking import TrackerSettings
from skelstream.tracking.registry import make_tracker
from skelstream.tracking.tracked import TrackedPeople


def tracked(
    found: Detections | SkeletonSequence, settings: TrackerSettings = TrackerSettings()
) -> SkeletonSequence:
    """Return people with identities: a sequence as it is, detections with identities from the tracker.

    Lines for the user about the tracking are in the sequence's ``meta["warnings"]``.
    """
    if isinstance(found, SkeletonSequence):
        return found
    times = [time for _, time, _ in found.frames]
    interval = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    if settings.needed(interval) == 1 or settings.alone:
        # Where a single detection confirms a track, every detection in the file counts as a person.
        settings = replace(settings, high_certainty=0.0)
    tracker = make_tracker(settings, found.skeleton)
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
