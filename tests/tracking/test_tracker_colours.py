"""Colours settle what position and pose leave open, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skelstream.settings.tracking import TrackerSettings

RATE = 25
RED, GREEN = np.float32([[40, 40, 20]] * 5), np.float32([[50, -30, 20]] * 5)


def dressed(make, *people):
    """People of a frame from pairs of a pose and its colours."""
    found = make.people([pose for pose, _ in people])
    return replace(
        found, colours=np.reshape([colours for _, colours in people], (-1, 5, 3)).astype(np.float32)
    )


def turning_back(make, step):
    """Two people walk towards each other, are hidden for half a second, and both turn back."""
    time = step / RATE
    if 1.2 <= time < 1.7:
        return dressed(make)
    way = 100 * min(time, 2.9 - time)
    return dressed(make, (make.walker(200 + way), RED), (make.walker(500 - way), GREEN))


def test_colours_tell_apart_who_turns_back(make):
    def last(settings):
        tracked = make.follow(((i / RATE, turning_back(make, i)) for i in range(60)), settings)
        return make.ids(tracked)[-1]

    assert last(TrackerSettings()) == [1, 2]
    assert last(TrackerSettings(appearance_weight=0.0)) != [1, 2]


def test_another_person_does_not_take_the_place_of_a_lost_one(make):
    def ids(second, settings=None):
        frames = [dressed(make, (make.walker(300), RED))] * 20 + [dressed(make)] * 10
        frames += [dressed(make, (make.walker(310), second))] * 20
        return make.ids(make.follow(((i / RATE, f) for i, f in enumerate(frames)), settings))[-1]

    assert ids(RED) == [1] and ids(GREEN) == [2]
    assert ids(GREEN, TrackerSettings(appearance_weight=0.0)) == [1]


def test_clear_motion_is_not_overruled(make):
    """The light changes: one person, and two who stand apart, keep their ids."""
    for places in ([300], [300, 600]):
        frames = [
            dressed(make, *((make.walker(x + i), RED if i < 20 else GREEN) for x in places))
            for i in range(40)
        ]
        tracked = make.follow((i / RATE, f) for i, f in enumerate(frames))
        assert make.ids(tracked) == [list(range(1, 1 + len(places)))] * 40


def test_unknown_colours_change_nothing(make):
    unknown = np.full((5, 3), np.nan, np.float32)
    frames = [
        dressed(make, (make.walker(200 + 4 * i), unknown), (make.walker(520 - 4 * i, foot=405), unknown))
        for i in range(80)
    ]
    plain = [replace(frame, colours=None) for frame in frames]
    ids = [make.ids(make.follow((i / RATE, f) for i, f in enumerate(kind))) for kind in (frames, plain)]
    assert ids[0] == ids[1]
