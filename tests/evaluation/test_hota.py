"""HOTA agrees with TrackEval 1.3.0, which computed the figures of the drawn frames, and with a count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from skelstream.evaluation.hota import hota


def drawn(seed):
    """60 frames of six people, with swaps, misses, false people and inexact boxes."""
    random = np.random.default_rng(seed)
    frames, owner = [], np.arange(6)
    for _ in range(60):
        true = np.flatnonzero(random.random(6) < 0.8)
        if random.random() < 0.1:
            owner = random.permutation(owner)
        seen = true[random.random(len(true)) < 0.8]
        found = np.concatenate([10 + owner[seen], 20 + np.flatnonzero(random.random(3) < 0.2)])
        similarity = random.uniform(0, 0.3, (len(true), len(found)))
        for column, person in enumerate(seen):
            similarity[list(true).index(person), column] = random.uniform(0.2, 1)
        frames.append((true, found, similarity))
    return frames


@pytest.mark.parametrize(
    ("seed", "figures"),
    [
        (0, (0.2543512689, 0.3753793436, 0.1734244815)),
        (1, (0.2029637314, 0.4101368246, 0.1017230682)),
        (2, (0.2574083926, 0.3759308708, 0.1766153918)),
    ],
)
def test_figures_are_trackevals(seed, figures):
    assert hota(drawn(seed)) == pytest.approx(figures, abs=1e-9)


def test_a_track_that_takes_over_half_of_a_person():
    """One person for four frames, two tracks for two frames each, exact boxes: each match is half of its identity."""
    frames = [(np.array([3]), np.array([track]), np.ones((1, 1))) for track in (7, 7, 9, 9)]
    assert hota(frames) == pytest.approx((0.5**0.5, 1, 0.5))


def test_nobody_on_either_side():
    nobody, one = np.empty(0, int), np.array([1])
    assert hota([]) == hota([(one, nobody, np.empty((1, 0)))]) == (0, 0, 0)
    assert hota([(nobody, one, np.empty((0, 1)))]) == (0, 0, 0)
    assert hota([(one, one, np.ones((1, 1))), (nobody, nobody, np.empty((0, 0)))]) == (1, 1, 1)
