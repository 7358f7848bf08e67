"""What tracking gives: the people of one frame with their identities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skelstream.grouping.people import People


@dataclass(frozen=True)
class TrackedPeople:
    """The people of one frame that belong to a track.

    Attributes:
        frame_index: number of the frame in the source.
        time: seconds.
        people: P people, keypoints as measured; ``people.boxes`` as the tracker reports them.
        track_ids: int32 (P,), unique within the frame, from 1 upwards in order of first appearance.
        confirmed: bool (P,), True once the track has been seen often enough to be believed; the rows before
            that belong to the track too and count if it is ever confirmed.
    """

    frame_index: int
    time: float
    people: People
    track_ids: np.ndarray
    confirmed: np.ndarray

    def __len__(self) -> int:
        return len(self.track_ids)
