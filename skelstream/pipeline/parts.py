"""Hands and faces of the tracked people of one source, followed from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from skelstream.errors import FormatError
from skelstream.people import People
from skelstream.pipeline.schedule import LiveBudget
from skelstream.pipeline.times import StageTimes
from skelstream.refinement.parts.joining import joined_people, joined_skeleton
from skelstream.refinement.parts.part_refiner import PartRefiner, Parts
from skelstream.skeleton import Skeleton
from skelstream.tracking.tracked import TrackedPeople

# A part that is not found is looked for in this many frames, then again after so many seconds.
_FRAMES, _SECONDS = 6, 0.1


@dataclass
class PartMemory:
    """What is known of one kind of part of one person. May be pickled.

    Attributes:
        keypoints: float32 (K, V, 2), where they were in the last frame, source pixels, NaN for those that were not found.
        anchors: float32 (K, 2), the joints of the body that they move with, in that frame.
        searches: int (K,), searches without result since a part was there.
        searched: float64 (K,), time of the last search in seconds.
    """

    keypoints: np.ndarray
    anchors: np.ndarray
    searches: np.ndarray
    searched: np.ndarray


PartState = dict[str, dict[int, PartMemory]]
"""What later frames depend on: the memory of each kind of part by name, then by track id. May be pickled."""


class PartStage:
    """Finds the parts of tracked people, frame by frame.

    Args:
        refiners: refiners of each kind of part, in the order of their joints.
        skeleton: joint set of the tracked people.
        times: counts and seconds of the stages, which this object adds to.
        budget: limits the people of a live source whose parts are looked at; None for no limit.

    Attributes:
        skeleton: joint set of the people with their parts.
        state: memory that later frames depend on.
    """

    def __init__(
        self,
        refiners: Sequence[PartRefiner],
        skeleton: Skeleton,
        times: StageTimes,
        budget: LiveBudget | None = None,
    ):
        self._refiners, self._skeleton, self._times, self._budget = refiners, skeleton, times, budget
        self.skeleton = joined_skeleton(one.name for one in refiners) if refiners else skeleton
        if refiners:
            times.seconds.setdefault("parts", 0.0)
        self.state: PartState = {refiner.name: {} for refiner in refiners}

    def resume(self, state: PartState) -> None:
        """Continue after the frames of another stage with the same refiners.

        Raises:
            FormatError: the state is not one that such a stage has.
        """
        if state.keys() != self.state.keys():
            raise FormatError(f"not the state of {', '.join(self.state) or 'people without parts'}")
        for refiner in self._refiners:
            shapes = _shapes(_nothing(refiner))
            if not all(_shapes(memory) == shapes for memory in state[refiner.name].values()):
                raise FormatError(f"not the state of {refiner.name}")
        self.state = state

    def added(self, image: np.ndarray | None, tracked: TrackedPeople) -> TrackedPeople:
        """Return a frame's people with the joints of their parts behind those of the body.

        Args:
            image: uint8 RGB (H, W, 3); None for a frame that failed to decode.
            tracked: people of the frame.
        """
        if not self._refiners:
            return tracked
        if image is None:
            return replace(tracked, people=People.none(len(self.skeleton)))
        seen = np.ones(len(tracked), bool)
        if self._budget is not None:
            boxes = tracked.people.boxes
            seen[np.argsort(boxes[:, 1] - boxes[:, 3])[self._budget.people(self._times.dropped) :]] = False
        with self._times.timed("parts"):
            found = [self._found(refiner, image, tracked, seen) for refiner in self._refiners]
        return replace(tracked, people=joined_people(tracked.people, found, image.shape))

    def _found(
        self, refiner: PartRefiner, image: np.ndarray, tracked: TrackedPeople, seen: np.ndarray
    ) -> Parts:
        """Return the parts of one kind of those people who are to be ``seen``, and remember them."""
        people, ids = tracked.people, tracked.track_ids.tolist()
        anchors = refiner.anchors(people, self._skeleton)
        before = self.state[refiner.name]
        memories = [before.get(one) or _nothing(refiner) for one in ids]
        if not memories:
            self.state[refiner.name] = {}
            return Parts.missing(0, len(refiner.joints), len(refiner.joints[0]))
        keypoints, last, searches, searched = (
            np.stack(column)
            for column in zip(
                *((m.keypoints, m.anchors, m.searches, m.searched) for m in memories), strict=True
            )
        )
        moved = np.nan_to_num(anchors - last)[:, :, None]
        expected = np.where(seen[:, None, None, None], keypoints + moved, np.nan)
        due = seen[:, None] & ((searches < _FRAMES) | (tracked.time - searched >= _SECONDS - 1e-6))
        parts = refiner.refine(image, people, self._skeleton, expected, due)
        self._times.parts[refiner.name] += int(parts.present.sum())
        self._times.opposed += int(parts.opposed.sum())
        absent = due & ~parts.present
        searches = np.where(parts.present, 0, searches + absent)
        searched = np.where(absent, tracked.time, searched)
        self.state[refiner.name] = {
            one: PartMemory(*columns)
            for one, *columns in zip(ids, parts.keypoints, anchors, searches, searched, strict=True)
        }
        return parts


def _nothing(refiner: PartRefiner) -> PartMemory:
    """Return the memory of a person who was not there."""
    each, joints = len(refiner.joints), len(refiner.joints[0])
    return PartMemory(
        np.full((each, joints, 2), np.nan, np.float32),
        np.full((each, 2), np.nan, np.float32),
        np.zeros(each, int),
        np.full(each, -np.inf),
    )


def _shapes(memory: PartMemory) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of a memory."""
    return {name: np.shape(values) for name, values in vars(memory).items()}
