"""The policy alone, with an estimator, a refinement and a tracker whose answers are known."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from skelstream.errors import SettingsError
from skelstream.geometry.letterbox import Letterbox
from skelstream.people import People
from skelstream.pipeline.detection import DecodedFrame, detect, prepared
from skelstream.pipeline.policy import EstimationPolicy
from skelstream.pipeline.times import StageTimes
from skelstream.refinement.refinement import RefinementState
from skelstream.settings import RefinementSettings
from skelstream.skeleton import OPENPOSE18
from skelstream.video import Frame, SourceInfo

from ..refinement.test_refinement import candidates, pose_at

ONE = People(
    np.zeros((1, 18, 2), np.float32),
    np.ones((1, 18), np.float32),
    np.ones(1, np.float32),
    np.zeros((1, 4), np.float32),
)


class Refined:
    """A refinement that records its calls; ``finds`` says whether it finds the expected people."""

    def __init__(self, people: int | str = "auto"):
        self.settings, self.state = RefinementSettings(people=people), RefinementState()
        self.crops = self.unrefined = 0
        self.calls, self.finds = [], True

    def refine(self, image, people, expected, budget):
        self.calls.append(("refine", budget))
        self.crops += 1
        return people

    def refine_expected(self, image, expected, lost, budget, force):
        self.calls.append(("expected", force))
        return expected if self.finds else None


class Estimates:
    """An estimator that detects one person in every image."""

    batch, orientations, skeleton, parts = 1, 1, OPENPOSE18, ()

    def __init__(self, refinement: Refined | None):
        self._refinement, self.detected, self.turns = refinement, 0, []

    def refinement(self):
        return self._refinement

    def prepare(self, image, turn=0):
        self.turns.append(turn)
        return image, replace(Letterbox.scaled(1, 1), turn=turn)

    def infer(self, inputs):
        self.detected += len(inputs)
        return ["candidates"] * len(inputs)

    def group(self, views):
        return ONE


class Expects:
    """A tracker that expects the person where it was."""

    def expected(self, time, searched=()):
        return ONE

    def lost(self, time):
        return People.none(18)


def run(policy: EstimationPolicy, estimator: Estimates, times: StageTimes, frames: int, rate: float = 10.0):
    for number in range(frames):
        time = number / rate
        item = DecodedFrame(Frame(number, time, np.zeros((4, 4, 3), np.uint8)), 0.0)
        if policy.due(time):
            (item,) = detect([prepared(item, estimator, [0])], estimator, times)
        assert len(policy.people(item, Expects(), time)) == 1


def policy_of(estimator, every=1, live=False, photos=False):
    times = StageTimes()
    info = SourceInfo("a.mp4", 4, 4, live=live, photos=photos)
    return EstimationPolicy(estimator, every, info, times), times


@pytest.mark.parametrize(("every", "detections"), [(1, 12), (4, 3), ("auto", 12)])
def test_frames_between_detections_are_refined_where_people_are_expected(every, detections):
    refinement = Refined()
    estimator = Estimates(refinement)
    policy, times = policy_of(estimator, every)
    run(policy, estimator, times, 12)
    assert times.detections == estimator.detected == detections == times.crops
    assert [name for name, _ in refinement.calls].count("expected") == 12 - detections
    assert policy.state.frames == 12


def test_a_frame_in_which_a_person_is_missing_is_detected_at_once():
    refinement = Refined()
    refinement.finds = False
    estimator = Estimates(refinement)
    policy, times = policy_of(estimator, 6)
    run(policy, estimator, times, 6)
    assert times.detections == 6  # none of the frames between can be left without detection


@pytest.mark.parametrize(("when", "detections"), [("due", 0), ("needed", 1), ("always", 1)])
def test_the_caller_says_when_a_frame_between_detections_is_detected(when, detections):
    refinement = Refined()
    estimator = Estimates(refinement)
    policy, times = policy_of(estimator, 4)
    run(policy, estimator, times, 3)
    refinement.finds = when == "due"
    item = DecodedFrame(Frame(3, 0.3, np.zeros((4, 4, 3), np.uint8)), 0.0)
    policy.people(item, Expects(), 0.3, when)
    assert times.detections == 1 + detections
    assert refinement.calls[-1] == (("expected", True) if when == "due" else ("refine", None))


def test_photos_are_detected_one_by_one_and_detection_alone_follows_nobody():
    for refinement, photos in ((Refined(), True), (None, False)):
        estimator = Estimates(refinement)
        policy, times = policy_of(estimator, "auto", photos=photos)
        run(policy, estimator, times, 5)
        assert times.detections == 5
    with pytest.raises(SettingsError, match="without refinement") as error:
        policy_of(Estimates(None), 3)
    assert error.value.setting == "detect_every"


@pytest.mark.parametrize(
    ("people", "live", "limited"), [("auto", True, True), ("all", True, False), ("auto", False, False)]
)
def test_only_a_live_source_that_has_to_keep_up_has_a_budget(people, live, limited):
    refinement = Refined(people)
    estimator = Estimates(refinement)
    policy, times = policy_of(estimator, live=live)
    run(policy, estimator, times, 1)
    ((_, budget),) = refinement.calls
    assert (budget is not None) == limited


def test_a_policy_continues_after_the_state_of_another():
    estimator = Estimates(Refined())
    first, times = policy_of(estimator, 4)
    run(first, estimator, times, 6)
    other, counts = policy_of(Estimates(Refined()), 4)
    vars(counts).update(vars(times))
    other.resume(first.state)
    assert other.state.frames == 6 and other.state.last_detection == (4, 0.4)
    other.skip()
    assert other.state.frames == 7


class Follows:
    """A tracker of people at known places, who may be lost."""

    def __init__(self, people: People, lost: int = 0):
        self.people, self.gone = people, lost

    def expected(self, time, searched=()):
        return self.people

    def lost(self, time):
        return ONE.take([0] * self.gone)


def turns_seen(tracker, found=ONE, frames=60, orientations="auto", **facts):
    estimator = Estimates(Refined())
    estimator.orientations, estimator.group = orientations, lambda views: found
    policy, times = policy_of(estimator, **facts)
    for number in range(frames):
        time = number / 30
        item = DecodedFrame(Frame(number, time, np.zeros((4, 4, 3), np.uint8)), 0.0)
        (item,) = detect([prepared(item, estimator, [0])], estimator, times)
        policy.people(item, tracker, time)
    return estimator.turns


def test_turned_views_follow_what_the_tracker_knows():
    standing, lying = candidates(pose_at((100, 100), 0)), candidates(pose_at((100, 100), 90))
    assert turns_seen(Follows(standing), frames=19) == [0] * 19
    assert turns_seen(Follows(lying), frames=60).count(90) >= 10  # each LONGEST_SPAN
    for tracker, found in ((Follows(standing, lost=1), ONE), (Follows(People.none(18)), People.none(18))):
        turns = turns_seen(tracker, found, frames=200)
        assert sorted(turns[:4]) == [0, 90, 180, 270]
        assert len(turns) <= 200 * 1.05 + 3  # the search goes on, and costs a twentieth
    assert turns_seen(Follows(People.none(18)), ONE, frames=19) == [0] * 19  # the upright view finds somebody


def test_without_turned_views_every_frame_is_upright():
    assert set(turns_seen(Follows(candidates(pose_at((100, 100), 90)), lost=1), orientations=1)) == {0}


def test_states_are_plain_values():
    state = SimpleNamespace(**vars(policy_of(Estimates(None))[0].state))
    assert (state.frames, state.last_detection, state.refinement) == (0, None, None)
