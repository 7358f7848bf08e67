"""The policy of estimation: in which frames people are detected, and who is refined where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from skelstream.errors import SettingsError
from skelstream.estimation.protocol import Estimator
from skelstream.estimation.views import TURNS, UPRIGHT
from skelstream.geometry.orientation import nearest_turns
from skelstream.people import People
from skelstream.pipeline.detection import DecodedFrame, detect, prepared
from skelstream.pipeline.schedule import DetectionSchedule, LiveBudget, TurnedViews
from skelstream.pipeline.times import StageTimes
from skelstream.refinement.refinement import RefinementState
from skelstream.skeleton import Skeleton
from skelstream.tracking.tracker import Tracker
from skelstream.video import SourceInfo

When = Literal["due", "needed", "always"]
"""When a frame is detected that has no views: see ``EstimationPolicy.people``."""

# Person score of a candidate from which somebody is found in the upright view.
_FOUND = 0.1


@dataclass
class PolicyState:
    """What later frames depend on. May be pickled.

    Attributes:
        frames: number of frames so far.
        last_detection: number of the last detected frame and its time in the source (seconds); None before the first.
        refinement: state of refinement; None for detection alone.
        turned_views: schedule of turned views; None where all frames have the same views.
    """

    frames: int = 0
    last_detection: tuple[int, float] | None = None
    refinement: RefinementState | None = None
    turned_views: TurnedViews | None = None


class EstimationPolicy:
    """Estimates the people of one video's frames with as much detection and refinement as each frame needs.

    Args:
        estimator: finds the people.
        detect_every: see ``PipelineSettings``.
        info: facts about the source; photos are detected one by one, a live source may have a budget.
        times: counts and seconds of the stages, which this object adds to.
        parts: budget of a live source's hands and faces, which save time before refinement does; None without them.

    Raises:
        SettingsError: frames between detections were asked for, and the estimator has no refinement to follow people.
    """

    def __init__(
        self,
        estimator: Estimator,
        detect_every: int | str,
        info: SourceInfo,
        times: StageTimes,
        parts: LiveBudget | None = None,
    ):
        self._estimator, self._times = estimator, times
        self._refinement = estimator.refinement()
        if self._refinement is None and detect_every not in (1, "auto"):
            raise SettingsError(
                "without refinement, people are detected in every frame: set detect_every to 1",
                setting="detect_every",
            )
        every_frame = info.photos or self._refinement is None
        self._schedule = DetectionSchedule(1 if every_frame else detect_every)
        keeps_up = self._refinement is not None and self._refinement.settings.people == "auto"
        self._budget = LiveBudget(parts) if info.live and keeps_up else None
        turns = estimator.orientations == "auto" and not info.photos and self._refinement is not None
        self._state = PolicyState(turned_views=TurnedViews() if turns else None)

    def due(self, time: float) -> bool:
        """Return whether the frame at ``time`` (seconds in the source) is detected; call it once per frame, in order."""
        return self._schedule.due(time)

    @property
    def skeleton(self) -> Skeleton:
        """Joint set of the people."""
        return self._estimator.skeleton

    @property
    def state(self) -> PolicyState:
        """What later frames depend on."""
        if self._refinement is not None:
            self._state.refinement = self._refinement.state
        return self._state

    def resume(self, state: PolicyState) -> None:
        """Continue after the frames of another policy with the same source and settings."""
        self._state = state
        if self._refinement is not None and state.refinement is not None:
            self._refinement.state = state.refinement
            self._refinement.crops, self._refinement.unrefined = self._times.crops, self._times.unrefined

    def people(self, item: DecodedFrame, tracker: Tracker, time: float, when: When = "needed") -> People:
        """Return the people of a frame that has an image.

        Args:
            item: frame after the detection stage.
            tracker: knows where people are expected.
            time: seconds on the tracker's clock.
            when: whether a frame that is not due is detected: ``always``, only where ``needed``, or not at all (``due``).
        """
        budget = None if self._budget is None else self._budget.people(self._times.dropped)
        people = None
        if not item.views and when != "always":
            people = self._followed(item, tracker, time, budget, when)
        if people is None:
            if not item.views:
                item = self._with_views(item, [UPRIGHT])
            people = self._detected(item, tracker, time, budget)
        self._state.frames += 1
        return people

    def people_before(self, item: DecodedFrame, later: People, present: People) -> tuple[People, np.ndarray]:
        """Return the people of a frame who were found in the next one only, and their rows in ``later``.

        Args:
            item: frame without detection.
            later: people of the next frame who are not among those of this one.
            present: people of this frame.
        """
        if self._refinement is None or item.frame.image is None or not len(later):
            return later.take([]), np.empty(0, int)
        with self._times.timed("refinement"):
            people, rows = self._refinement.refine_before(item.frame.image, later, present)
        self._count()
        return people, rows

    def skip(self) -> None:
        """Count a frame without an image."""
        self._state.frames += 1

    def _detected(self, item: DecodedFrame, tracker: Tracker, time: float, budget: int | None) -> People:
        assert item.frame.image is not None
        people, searched = self._grouped(item), set(TURNS[: len(item.views)])
        if self._state.turned_views is not None:
            everybody = tracker.expected(time)
            somebody = everybody or (people.person_scores >= _FOUND).any()
            missing = bool(len(tracker.lost(time))) or not somebody
            before = self._state.last_detection
            frames = self._state.frames - before[0] if before else 1
            lying = self._lying(everybody, tracker, time)
            turns = self._state.turned_views.due(time, lying, missing, frames)
            if turns:
                people = self._grouped(self._with_views(item, turns))
                searched |= set(turns)
        self._times.detections += 1
        self._state.last_detection = self._state.frames, item.frame.time
        if self._refinement is None:
            return people
        with self._times.timed("refinement"):
            expected = tracker.expected(time, searched)
            people = self._refinement.refine(item.frame.image, people, expected, budget)
        self._count()
        return people

    def _lying(self, everybody: People | None, tracker: Tracker, time: float) -> dict[int, bool]:
        """Return the turns in which expected people are upright, other than 0, and whether one of their tracks is tentative."""
        if everybody is None:
            return {}
        skeleton = self._estimator.skeleton
        counts = Counter(nearest_turns(everybody.keypoints, skeleton).tolist())
        if not counts.keys() - {UPRIGHT}:
            return {}
        confirmed = tracker.expected(time, TURNS)
        if confirmed is None:
            return {}
        known = Counter(nearest_turns(confirmed.keypoints, skeleton).tolist())
        return {turn: count > known[turn] for turn, count in counts.items() if turn != UPRIGHT}

    def _with_views(self, item: DecodedFrame, turns: Sequence[int]) -> DecodedFrame:
        """Return a frame with further views, detected."""
        (item,) = detect([prepared(item, self._estimator, turns)], self._estimator, self._times)
        return item

    def _grouped(self, item: DecodedFrame) -> People:
        with self._times.timed("grouping"):
            return self._estimator.group(item.found)

    def _followed(
        self, item: DecodedFrame, tracker: Tracker, time: float, budget: int | None, when: When
    ) -> People | None:
        """Return the people of a frame without detection; None if the frame needs it."""
        image, last = item.frame.image, self._state.last_detection
        if self._refinement is None or image is None or last is None:
            return None
        with self._times.timed("refinement"):
            people, expected = None, tracker.expected(time)
            if expected is not None:
                early = self._schedule.allows_early(self._state.frames - last[0], item.frame.time - last[1])
                waits = when == "due" or not early
                lost = tracker.lost(time)
                people = self._refinement.refine_expected(image, expected, lost, budget, force=waits)
        self._count()
        return people

    def _count(self) -> None:
        assert self._refinement is not None
        self._times.crops, self._times.unrefined = self._refinement.crops, self._refinement.unrefined
