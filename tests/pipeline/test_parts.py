"""Parts of tracked people: where they are expected, when they are looked for, and how many people of a live source get them."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.people import People
from skelstream.pipeline import Pipeline
from skelstream.pipeline.parts import PartMemory, PartStage
from skelstream.pipeline.schedule import LiveBudget
from skelstream.pipeline.times import StageTimes
from skelstream.refinement.parts.hands import HandRefiner
from skelstream.refinement.parts.part_refiner import Parts
from skelstream.skeleton import OPENPOSE18, SKELETONS
from skelstream.tracking.tracked import TrackedPeople

IMAGE = np.zeros((64, 160, 3), np.uint8)
WRISTS = [OPENPOSE18.index("left_wrist"), OPENPOSE18.index("right_wrist")]


@dataclass
class Hands:
    """A part refiner that finds the hands named in ``there`` at their wrists, and records what it was asked for."""

    there: list[bool] = field(default_factory=lambda: [True, True])
    expected: list[np.ndarray] = field(default_factory=list)
    due: list[np.ndarray] = field(default_factory=list)
    name, joints = "hands", HandRefiner.joints
    network = "hands"

    @property
    def weights_sha256(self):
        return {"a-hand": "0" * 64}

    def anchors(self, people, skeleton):
        return people.keypoints[:, WRISTS]

    def refine(self, image, people, skeleton, expected, due):
        self.expected.append(expected)
        self.due.append(due)
        parts = Parts.missing(len(people), 2, 21)
        seen = np.array(self.there) & (due | np.isfinite(expected[:, :, 0, 0]))
        parts.keypoints[seen] = self.anchors(people, skeleton)[seen][:, None] + 1
        parts.scores[seen] = 0.9
        parts.opposed[:, 0] = seen[:, 0]
        return parts


def tracked(frame: int, *people: tuple[int, float, float]) -> TrackedPeople:
    """Return a frame at 20 frames/s with people: track id, x of all joints, height."""
    keypoints = np.array([np.full((18, 2), x) for _, x, _ in people], np.float32).reshape(-1, 18, 2)
    scores = np.full((len(people), 18), 0.5, np.float32)
    boxes = np.array([[0, 0, 10, high] for *_, high in people], np.float32).reshape(-1, 4)
    ids = np.array([one for one, *_ in people], np.int32)
    return TrackedPeople(
        frame,
        frame / 20,
        People(keypoints, scores, scores[:, :1].mean(1), boxes),
        ids,
        np.ones(len(people), bool),
    )


def stage(hands: Hands, **options) -> PartStage:
    return PartStage([hands], OPENPOSE18, StageTimes(), **options)


def test_hands_come_behind_the_body_and_are_expected_where_the_wrists_went() -> None:
    hands = Hands()
    parts = stage(hands)
    first = parts.added(IMAGE, tracked(0, (1, 20, 50)))
    assert parts.skeleton is SKELETONS["body+hands"] and first.people.keypoints.shape == (1, 60, 2)
    assert (first.people.keypoints[0, 18:] == 21).all() and (
        first.people.scores[0, 18:] == np.float32(0.9)
    ).all()
    assert np.isnan(hands.expected[0]).all()
    parts.added(IMAGE, tracked(1, (7, 100, 50), (1, 26, 50)))
    assert np.isnan(hands.expected[1][0]).all() and (hands.expected[1][1] == 27).all()


def test_hands_are_counted() -> None:
    times = StageTimes()
    parts = PartStage([Hands()], OPENPOSE18, times)
    for frame in range(3):
        parts.added(IMAGE, tracked(frame, (1, 20, 50), (2, 60, 50)))
    assert times.parts == {"hands": 12} and times.opposed == 6 and times.seconds["parts"] > 0


def test_somebody_who_was_away_is_looked_for_anew() -> None:
    hands = Hands()
    parts = stage(hands)
    for frame, people in enumerate([[(1, 20, 50)], [], [(1, 20, 50)]]):
        parts.added(IMAGE, tracked(frame, *people))
    assert np.isnan(hands.expected[1]).all() and hands.due[1].all()


def test_a_hand_that_is_not_found_is_looked_for_six_times_then_each_tenth_of_a_second() -> None:
    hands = Hands(there=[True, False])
    parts = stage(hands)
    for frame in range(20):
        hands.there = [True, 10 <= frame < 12]
        parts.added(IMAGE, tracked(frame, (1, 20, 50)))
    slow = [False, True] * 2
    assert [due[0, 1] for due in hands.due] == [True] * 6 + slow + [False] + [True] * 7 + slow[:2]


def test_a_frame_that_failed_to_decode_keeps_the_memory() -> None:
    hands = Hands()
    parts = stage(hands)
    parts.added(IMAGE, tracked(0, (1, 20, 50)))
    failed = parts.added(None, TrackedPeople.failed(1, 0.05, 18))
    assert failed.people.keypoints.shape == (0, 60, 2) and not failed.ok
    parts.added(IMAGE, tracked(2, (1, 20, 50)))
    assert np.isfinite(hands.expected[1]).all()


def test_a_live_source_looks_at_the_largest_people_first() -> None:
    hands, budget = Hands(), LiveBudget()
    parts = stage(hands, budget=budget)
    people = [(n, 20 + n, 10 * n) for n in (3, 6, 1, 5, 2)]
    whole = parts.added(IMAGE, tracked(0, *people)).people
    assert np.isfinite(whole.keypoints[:, 18:]).all((1, 2)).tolist() == [True, True, False, True, True]


def test_the_state_continues_in_another_stage() -> None:
    hands, later = Hands(), Hands()
    parts, others = stage(hands), stage(later)
    parts.added(IMAGE, tracked(0, (1, 20, 50)))
    others.resume(pickle.loads(pickle.dumps(parts.state)))
    others.added(IMAGE, tracked(1, (1, 22, 50)))
    assert (later.expected[0] == 23).all()


def test_a_state_of_other_parts_is_an_error() -> None:
    parts = stage(Hands())
    with pytest.raises(FormatError, match="not the state of hands"):
        parts.resume({})
    wrong = PartMemory(np.zeros((1, 468, 2)), np.zeros((1, 2)), np.zeros(1, int), np.zeros(1))
    with pytest.raises(FormatError, match="not the state of hands"):
        parts.resume({"hands": {1: wrong}})


def test_nobody_and_no_parts() -> None:
    assert stage(Hands()).added(IMAGE, tracked(0)).people.keypoints.shape == (0, 60, 2)
    one = tracked(0, (1, 20, 50))
    assert PartStage([], OPENPOSE18, StageTimes()).added(IMAGE, one) is one


@pytest.mark.parametrize("with_hands", [False, True])
def test_a_pipeline_writes_the_joints_of_the_parts(walk, bars, with_hands: bool) -> None:
    estimator = bars()
    estimator.parts = (Hands(),) if with_hands else ()
    with Pipeline(walk, estimator) as pipeline:
        builder = pipeline.builder()
        for analysed in pipeline:
            builder.add(analysed.tracked)
    sequence = builder.finish()
    assert sequence.skeleton.name == ("body+hands" if with_hands else "openpose18")
    assert sequence.meta.get("parts_sha256") == ({"a-hand": "0" * 64} if with_hands else None)
    assert len(sequence) == 2 and np.isfinite(sequence.keypoints).all()


def test_many_hands_of_the_other_side_are_a_warning(walk, bars) -> None:
    estimator = bars()
    estimator.parts = (Hands(),)
    with Pipeline(walk, estimator) as pipeline:
        list(pipeline)
        assert pipeline.times.opposed * 2 == pipeline.times.parts["hands"] and pipeline.warnings == []
        pipeline.times.opposed += 1
        (line,) = pipeline.warnings
    assert "61 of 120 hands look like those of the other side" in line
