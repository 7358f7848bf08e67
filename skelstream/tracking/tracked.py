"""The result of tracking: the people of one frame with their identities."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skelstream.people import People


@dataclass(frozen=True)
class TrackedPeople:
    """The people of one frame that belong to a track.

    Attributes:
        frame_index: number of the frame in the source.
        time: seconds.
        people: P people, keypoints as measured; boxes from the tracker.
        track_ids: int32 (P,), unique within the frame, from 1 upwards in order of first appearance.
        confirmed: bool (P,), False while the track is tentative; its rows count if it is ever confirmed.
        ok: False for a frame that failed to decode; it has no people.
        begins_shot: whether another shot of the video begins with the frame, so that all its tracks are new.
    """

    frame_index: int
    time: float
    people: People
    track_ids: np.ndarray
    confirmed: np.ndarray
    ok: bool = True
    begins_shot: bool = False

    def __len__(self) -> int:
        return len(self.track_ids)

    def take(self, rows: np.ndarray) -> TrackedPeople:
        """Return the frame with only the people at ``rows`` (indices or a boolean mask)."""
        return replace(
            self,
            people=self.people.take(rows),
            track_ids=self.track_ids[rows],
            confirmed=self.confirmed[rows],
        )

    @staticmethod
    def failed(frame_index: int, time: float, joints: int) -> TrackedPeople:
        """Return the entry of a frame that failed to decode."""
        return TrackedPeople(
            frame_index, time, People.none(joints), np.empty(0, np.int32), np.empty(0, np.bool_), ok=False
        )
