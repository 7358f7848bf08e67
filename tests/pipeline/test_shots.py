"""Where shots begin: at hard cuts, not where something moves or the light changes."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import pytest

from skelstream.pipeline import Pipeline
from skelstream.pipeline.shots import ShotChanges
from skelstream.settings import PipelineSettings

from .test_pipeline import refined_bars, scripted  # noqa: F401 - fixtures


def scene(seed: int, height: int = 120, width: int = 160) -> np.ndarray:
    """Return an image of blurred noise, uint8 (H, W, 3)."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


def shots(images: Iterable[np.ndarray], rate: float = 25.0) -> list[int]:
    changes = ShotChanges()
    return [i for i, image in enumerate(images) if changes.begins(image, i / rate)]


def moved(image: np.ndarray, x: int) -> np.ndarray:
    return np.roll(image, x, axis=1)


def test_a_shot_begins_at_a_hard_cut() -> None:
    images = [moved(scene(shot), i) for shot in (1, 2, 3) for i in range(10)]
    assert shots(images) == [10, 20]
    assert shots(cv2.resize(image, (640, 360)) for image in images) == [10, 20]


@pytest.mark.parametrize(
    "images",
    [
        [moved(scene(1), 12 * i) for i in range(20)],
        [moved(scene(1), 16 * (i >= 9)) for i in range(20)],
        [(scene(1) * (0.2 if i % 7 == 3 else 1.0)).astype(np.uint8) for i in range(20)],
        [cv2.addWeighted(scene(1), 1 - i / 20, scene(2), i / 20, 0) for i in range(21)],
        [scene(i) for i in range(20)],
        [np.zeros_like(scene(1)) if 8 <= i < 12 else scene(1) for i in range(20)],
        [cv2.rectangle(scene(1), (0, 0), (60, 120), (255, 255, 255), -1) if i >= 9 else scene(1) for i in range(20)],
        [np.full((1, 1, 3), i, np.uint8) for i in range(5)],
        [],
    ],
    ids=["pan", "jerk", "flash", "dissolve", "every frame differs", "black frames", "something large comes in", "a pixel", "none"],
)  # fmt: skip
def test_no_shot_begins_where_something_moves_or_the_light_changes(images) -> None:
    assert shots(images) == []


def test_frames_far_apart_say_nothing() -> None:
    assert shots([scene(shot) for shot in (1, 2) for _ in range(10)], rate=4) == []


def test_people_of_another_shot_are_new(scripted, refined_bars, draw_bars):  # noqa: F811
    """The same bars in front of another background: nobody is followed over the cut, to either side."""

    def framed(background: np.ndarray, *places: int) -> np.ndarray:
        bars = draw_bars(*places)
        return np.where(bars > 100, bars, background // 3).astype(np.uint8)

    height, width = draw_bars(20).shape[:2]
    first, second = scene(1, height, width), scene(2, height, width)
    script = [framed(first, 20) for _ in range(13)] + [framed(second, 20, 100) for _ in range(13)]
    for every in (1, 5):
        settings = PipelineSettings().with_options(detect_every=every)
        with Pipeline(scripted(script), refined_bars(), settings) as pipeline:
            builder = pipeline.builder()
            found = []
            for analysed in pipeline:
                builder.add(analysed.tracked)
                found.append(sorted(analysed.tracked.track_ids.tolist()))
        assert found == [[1]] * 13 + [[2, 3]] * 13
        sequence = builder.finish()
        assert sequence.meta["shots"] == [1.3] and len(sequence.track_ids) == 3
    alone = PipelineSettings().with_options(tracking=False)
    with Pipeline(scripted(script), refined_bars(), alone) as pipeline:
        assert not any(analysed.tracked.begins_shot for analysed in pipeline)
