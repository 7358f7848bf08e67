"""People of successive frames that have no identity yet, as other tools write them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skelstream.grouping.people import People
from skelstream.sequences.builder import SequenceBuilder
from skelstream.sequences.sequence import SkeletonSequence
from skelstream.skeleton import Skeleton
from skelstream.tracking.tracked import TrackedPeople

if TYPE_CHECKING:
    from skelstream.tracking.settings import TrackerSettings


@dataclass(frozen=True)
class Detections:
    """The people of one video, frame by frame.

    Attributes:
        skeleton: their joint set.
        frames: (frame number in the source, seconds, people, or None for a frame that failed to decode).
        source: what to call the video.
        height, width: pixels of the picture, None if unknown.
    """

    skeleton: Skeleton
    frames: list[tuple[int, float, People | None]]
    source: str
    height: int | None = None
    width: int | None = None

    def tracked(self, settings: TrackerSettings | None = None) -> SkeletonSequence:
        """Give the people identities with skelstream's tracker.

        What the user should know of it is in the sequence's ``meta["warnings"]``, a line each.
        """
        from skelstream.tracking.settings import TrackerSettings
        from skelstream.tracking.tracker import Tracker

        settings, times = settings or TrackerSettings(), [time for _, time, _ in self.frames]
        step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
        if settings.needed(step) == 1 or settings.max_step == 0:
            # Where one look must do, whoever found these people has the last word on who is one.
            settings = replace(settings, high_score=settings.low_score)
        tracker = Tracker(settings, self.skeleton)
        builder = SequenceBuilder(
            self.skeleton, source=self.source, height=self.height, width=self.width,
            warnings=lambda: [f"{self.source}: {tracker.warning}"] if tracker.warning else [],
        )  # fmt: skip
        for index, time, people in self.frames:
            if people is None:
                builder.add(TrackedPeople.failed(index, time, len(self.skeleton)))
            else:
                builder.add(tracker.update(index, time, people))
        return builder.finish()
