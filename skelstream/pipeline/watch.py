"""The watch for people who are missed although they should be in plain view."""

from __future__ import annotations

import numpy as np

from skelstream.geometry.similarity import covered
from skelstream.tracking.tracked import TrackedPeople

# Seconds for which a missed person is looked for.
_LONGEST = 0.5
# Least share of a person's box inside the image, and greatest share of it that others cover, in plain view.
_INSIDE, _COVERED = 0.9, 0.3


class Watch:
    """Tells when a person is missed who was inside the image a frame ago, not covered by others. May be pickled.

    Detection in every frame is worth its time then: only detection finds a person again who leaps, falls or turns over.

    Args:
        height, width: size of the image in pixels.
    """

    def __init__(self, height: int, width: int):
        self._image = np.array([[0, 0, width, height]], np.float32)
        self._ids, self._boxes = np.empty(0, np.int32), np.empty((0, 4), np.float32)
        self._missed: dict[int, float] = {}

    def on(self, time: float) -> bool:
        """Return whether a person is missed at ``time`` (seconds)."""
        return any(time - since < _LONGEST for since in self._missed.values())

    def see(self, tracked: TrackedPeople) -> None:
        """Take note of the people of the next frame."""
        for track in tracked.track_ids.tolist():
            self._missed.pop(track, None)
        ids, boxes = tracked.track_ids[tracked.confirmed], tracked.people.boxes[tracked.confirmed]
        for row in np.flatnonzero(~np.isin(self._ids, tracked.track_ids)).tolist():
            box, others = self._boxes[row], np.concatenate([np.delete(self._boxes, row, 0), boxes])
            inside = covered(box, self._image).max()
            if inside >= _INSIDE and covered(box, others).max(initial=0) <= _COVERED:
                self._missed[int(self._ids[row])] = tracked.time
        self._missed = {
            track: since for track, since in self._missed.items() if tracked.time - since < _LONGEST
        }
        self._ids, self._boxes = ids, boxes
