"""Identities for detections, from the tracker."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skelstream.sequences import Detections, SequenceBuilder, SkeletonSequence
from skelstream.settings.tracking import TrackerSettings
from skelstream.tracking.registry import make_tracker
from skelstream.tracking.tracked import TrackedPeople


def with_identities(
    people: Detections | SkeletonSequence, settings: TrackerSettings = TrackerSettings()
) -> SkeletonSequence:
    """Return a sequence unchanged, and detections with identities from the tracker.

    The tracker's warnings are in the sequence's ``meta["warnings"]``.
    """
    if isinstance(people, SkeletonSequence):
        return people
    detections = people
    times = [time for _, time, _ in detections.frames]
    interval = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    if settings.needed(interval) == 1 or settings.alone:
        # Where a single detection confirms a track, every detection in the file counts as a person.
        settings = replace(settings, high_certainty=0.0)
    tracker = make_tracker(settings, detections.skeleton)
    builder = SequenceBuilder(
        detections.skeleton, source=detections.source, height=detections.height, width=detections.width,
        warnings=lambda: [f"{detections.source}: {tracker.warning}"] if tracker.warning else [],
    )  # fmt: skip
    for index, time, detected in detections.frames:
        if detected is None:
            builder.add(TrackedPeople.failed(index, time, len(detections.skeleton)))
        else:
            builder.add(tracker.update(index, time, detected))
    return builder.finish()
