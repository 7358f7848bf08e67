"""Identities in synthetic streets: MOTA and IDF1 over fixed scenes, none of which the tracker was tuned on."""

from __future__ import annotations

import pytest
from street_scenes import SceneSettings, scene, scene_similarities

from skelstream.evaluation.tracking import score_similarities
from skelstream.settings.tracking import TrackerSettings
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.kalman_tracker import KalmanTracker

pytestmark = pytest.mark.slow

TOLERANCE = 1.0
SEEDS = range(200, 206)


def figures(settings: SceneSettings, tracking: TrackerSettings) -> tuple[float, float]:
    """Means over the scenes, in percent."""
    scores = []
    for seed in SEEDS:
        frames, tracker = scene(settings, seed), KalmanTracker(tracking, OPENPOSE18)
        tracked = [tracker.update(i, frame.time, frame.people) for i, frame in enumerate(frames)]
        scores.append(score_similarities(scene_similarities(frames, tracked), 0.5))
    return (100 * sum(s.mota for s in scores) / len(scores), 100 * sum(s.idf1 for s in scores) / len(scores))


@pytest.mark.parametrize(
    ("settings", "mota", "idf1"),
    [
        (SceneSettings(seconds=5), 91.3, 85.5),
        (SceneSettings(seconds=5, kept=0.3), 88.9, 88.7),
        (SceneSettings(seconds=4, walkers=14), 88.0, 81.6),
    ],
    ids=["every frame", "a third of the frames", "crowded"],
)
def test_identities(settings, mota, idf1):
    found = figures(settings, TrackerSettings())
    assert found[0] > mota - TOLERANCE and found[1] > idf1 - TOLERANCE, (
        f"MOTA, IDF1 {found}, they were {mota, idf1}"
    )


def test_the_gate_closes():
    """A tracker that forgets at once costs more than the tolerance."""
    settings = SceneSettings(seconds=5, kept=0.3)
    assert (
        figures(settings, TrackerSettings(max_lost=0.05))[1]
        < figures(settings, TrackerSettings())[1] - 2 * TOLERANCE
    )
