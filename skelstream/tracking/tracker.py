"""The protocol of trackers: people of successive frames in, people with identities out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from skelstream.people import People
from skelstream.tracking.tracked import TrackedPeople


class Tracker(Protocol):
    """Follows the people of one video. A tracker belongs to one video and is picklable between two frames."""

    @property
    def warning(self) -> str | None:
        """A line for the user if people could not be followed; else None."""
        ...

    def update(self, frame_index: int, time: float, people: People) -> TrackedPeople:
        """Return the people of a frame that belong to a track, with their identities.

        Args:
            frame_index: number of the frame in the source.
            time: seconds; a time before the last frame's counts as the same time.
            people: the frame's people; a person may have a box alone, with all keypoints NaN.
        """
        ...

    def end(self) -> None:
        """End all tracks: people of the next frame are new, as those of the first one."""
        ...

    def expected(self, time: float, searched: Collection[int] = ()) -> People | None:
        """Return where the people found in the last frame should be at ``time``; None if they cannot be followed there.

        Args:
            time: seconds, not before the last frame.
            searched: turns, in degrees, of the views in which detection searches the whole image at ``time``; see
                ``estimation.views``.
        """
        ...

    def lost(self, time: float) -> People:
        """Return where the people of lost tracks may return at ``time`` (seconds)."""
        ...
