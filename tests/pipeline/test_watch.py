from __future__ import annotations

import pickle

import numpy as np

from skelstream.people import People
from skelstream.pipeline.watch import Watch
from skelstream.tracking.tracked import TrackedPeople

HERE, BEHIND, AT_THE_EDGE = (100, 50, 140, 150), (110, 60, 150, 150), (280, 50, 320, 150)


def frame(number: int, boxes: dict[int, tuple[int, ...]], confirmed: bool = True) -> TrackedPeople:
    count = len(boxes)
    people = People(
        np.zeros((count, 18, 2), np.float32),
        np.ones((count, 18), np.float32),
        np.ones(count, np.float32),
        np.array(list(boxes.values()), np.float32).reshape(-1, 4),
    )
    return TrackedPeople(
        number, number / 25, people, np.array(list(boxes), np.int32), np.full(count, confirmed)
    )


def watched(*frames: dict[int, tuple[int, ...]], confirmed: bool = True) -> bool:
    watch = Watch(200, 300)
    for number, boxes in enumerate(frames):
        watch.see(frame(number, boxes, confirmed))
    return watch.on((len(frames) - 1) / 25)


def test_a_person_in_plain_view_is_missed_until_found_again() -> None:
    assert not watched({1: HERE}, {1: HERE})
    assert watched({1: HERE}, {}) and watched({1: HERE}, {2: AT_THE_EDGE}) and watched({1: HERE}, {}, {})
    assert not watched({1: HERE}, {}, {1: HERE})


def test_who_leaves_the_image_or_is_hidden_or_was_never_sure_is_not_missed() -> None:
    assert not watched({1: AT_THE_EDGE}, {})
    assert not watched({1: HERE, 2: BEHIND}, {2: BEHIND}) and not watched({1: HERE}, {2: BEHIND})
    assert not watched({1: HERE}, {}, confirmed=False)


def test_a_missed_person_is_given_up_after_half_a_second() -> None:
    watch = Watch(200, 300)
    watch.see(frame(0, {1: HERE}))
    watch.see(frame(1, {}))
    assert watch.on(0.5) and not watch.on(0.55)
    watch.see(frame(20, {}))
    assert not watch.on(0.1)


def test_its_state_can_be_pickled() -> None:
    watch = Watch(200, 300)
    watch.see(frame(0, {1: HERE}))
    watch = pickle.loads(pickle.dumps(watch))
    watch.see(frame(1, {}))
    assert watch.on(0.04)
