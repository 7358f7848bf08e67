"""Wrong types and numbers in Python calls are one clear error that names the argument."""

from __future__ import annotations

import numpy as np
import pytest

import skelstream
import skelstream.batch
from skelstream.batch import BatchOptions
from skelstream.errors import SettingsError, SkelstreamError
from skelstream.processing import filled, resampled, smoothed
from skelstream.sequences import SequenceBuilder

PATH = "give a path, as text or pathlib.Path"
SOURCE = f"{PATH}, a URL, or the number of a camera"
SEQUENCE = SequenceBuilder(skelstream.COCO17, source="a.mp4", height=64, width=64).finish()


@pytest.mark.parametrize("source", [None, 5.5, ["a.mp4"], b"a.mp4", True, np.zeros((2, 4, 4, 3))])
def test_sources(source):
    for call in (
        skelstream.extract,
        skelstream.stream,
        skelstream.windows,
        skelstream.open_source,
        lambda source: skelstream.extract(source, "a.npz"),
    ):
        with pytest.raises(SettingsError, match=f"^source is .*{SOURCE}"):
            call(source)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: skelstream.extract(5, 6), f"output is 6: {PATH}"),
        (lambda: skelstream.extract("a.mp4", ["b.npz"]), f"output is .'b.npz'.: {PATH}"),
        (lambda: skelstream.extract("a.mp4", None, "fast"), "estimator is of type str: give an Estimator"),
        (
            lambda: skelstream.extract("a.mp4", settings={"size": 3}),
            "settings is .*: give an ExtractionSettings",
        ),
        (lambda: skelstream.windows("a.mp4", length="a"), "length is 'a': give a whole number of at least 1"),
        (lambda: skelstream.windows("a.mp4", stride=0), "stride is 0: give a whole number of at least 1"),
        (lambda: skelstream.open_source("a.mp4", every="2"), "every is '2': give a whole number"),
        (lambda: skelstream.open_source("a.mp4", every=1.5), "every is 1.5: give a whole number"),
        (lambda: skelstream.open_source("a.mp4", start="2"), "start is '2': give seconds"),
        (lambda: skelstream.open_source("a.mp4", start=3, end=1), "end is 1: give seconds after the start"),
        (lambda: skelstream.open_source("a.mp4", fps="2"), "fps is '2': give a number of frames per second"),
        (lambda: skelstream.load(5), f"path is 5: {PATH}"),
        (lambda: skelstream.load("a.npz", fps="x"), "fps is 'x': give a number of frames per second"),
        (lambda: skelstream.save(None, "a.npz"), "sequence is None: give a SkeletonSequence"),
        (lambda: skelstream.save(SEQUENCE, 5), f"path is 5: {PATH}"),
        (lambda: SEQUENCE.dense(persons="2"), "persons is '2': give a whole number of at least 0"),
        (lambda: list(SEQUENCE.windows(length=2.5)), "length is 2.5: give a whole number"),
        (
            lambda: SEQUENCE.as_skeleton(skelstream.COCO17),
            "unknown joint set of type Skeleton; known: openpose18",
        ),
        (lambda: filled(SEQUENCE, "a"), "max_gap is 'a': give seconds"),
        (lambda: filled(None), "sequence is None: give a SkeletonSequence"),
        (lambda: smoothed(5), "sequence is 5: give a SkeletonSequence"),
        (lambda: resampled(SEQUENCE, 0), "fps is 0: give a frame rate above 0"),
        (lambda: skelstream.Batch(5), f"output is 5: {PATH}, or a URL"),
        (lambda: skelstream.batch.status_of(None), f"output is None: {PATH}, or a URL"),
        (lambda: BatchOptions(workers=0), "workers is 0: give a whole number of at least 1"),
        (lambda: BatchOptions(tasks="2"), "tasks is '2': give a whole number of at least 1"),
        (lambda: BatchOptions(clips_per_shard=0), "clips_per_shard is 0: give a whole number"),
        (lambda: next(skelstream.batch.run(5, "out")), f"manifest is 5: {PATH}"),
        (lambda: next(skelstream.batch.run("a", "out", options={})), "options is {}: give a BatchOptions"),
        (lambda: skelstream.PoseEstimator("fast"), "settings is 'fast': give an EstimatorSettings"),
    ],
)
def test_other_arguments(call, said):
    with pytest.raises(SkelstreamError, match=said) as caught:
        call()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250


@pytest.mark.slow
def test_images():
    estimator = skelstream.PoseEstimator(skelstream.EstimatorSettings().with_options(refine=0, size=64))
    grey = np.zeros((64, 64), np.uint8)
    for images, found in (
        ("a.jpg", "of type str"),
        ([grey], r"an array \(64, 64\) of uint8"),
        (np.zeros((64, 64, 3), np.uint8), r"an array \(64, 3\) of uint8"),
        ([np.zeros((64, 64, 3))], r"an array \(64, 64, 3\) of float64"),
        ([np.zeros((0, 0, 3), np.uint8)], r"an array \(0, 0, 3\) of uint8"),
    ):
        with pytest.raises(SettingsError, match=f"image 0 is {found}: give a list of uint8 RGB arrays"):
            estimator.people(images)
