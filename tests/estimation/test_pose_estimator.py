from __future__ import annotations

import threading

import numpy as np
import pytest

import skelstream
from skelstream.errors import FormatError, SettingsError, SourceError


@pytest.mark.slow
def test_one_estimator_serves_two_streams(walk):
    estimator = skelstream.PoseEstimator(skelstream.EstimatorSettings().with_options(size=64, refine=0))
    alone = [people.people.keypoints for people in skelstream.stream(walk, estimator)]
    first, second = skelstream.stream(walk, estimator), skelstream.stream(walk, estimator)
    for one, other, expected in zip(first, second, alone, strict=True):
        np.testing.assert_array_equal(one.people.keypoints, expected)
        np.testing.assert_array_equal(other.people.keypoints, expected)


@pytest.mark.slow
def test_one_estimator_serves_two_threads():
    rng = np.random.default_rng(0)
    estimator = skelstream.PoseEstimator(skelstream.EstimatorSettings().with_options(size=64, refine=0))
    images = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(12)]
    expected = [len(people) for people in estimator.people(images)]
    found, errors = {}, []

    def estimate(name):
        try:
            found[name] = [len(people) for people in estimator.people(images)]
        except Exception as error:  # noqa: BLE001 - any error fails the test
            errors.append(error)

    threads = [threading.Thread(target=estimate, args=(i,)) for i in range(3)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert not errors and list(found.values()) == [expected] * 3


def test_a_name_with_a_nul_character_is_a_one_line_error():
    for name in ("a\0b.mp4", "a\0b/*.png"):
        with pytest.raises(SourceError, match="NUL"):
            skelstream.open_source(name)
    for name in ("a\0b.npz", "a\0b.jsonl"):
        with pytest.raises(FormatError, match="NUL"):
            skelstream.load(name)


@pytest.mark.parametrize("size", [0, 63, 4097, 100_000])
def test_an_impossible_size_is_an_error(size):
    with pytest.raises(SettingsError, match=f"size is {size}"):
        skelstream.DetectionSettings(size=size)
