from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from skelstream.errors import SettingsError, SourceError
from skelstream.pipeline import Pipeline
from skelstream.refinement.refinement import Refinement
from skelstream.settings import PipelineSettings, RefinementSettings
from skelstream.skeleton import COCO17, OPENPOSE18
from skelstream.video import Frame, Source, SourceInfo


def workers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("skelstream")]


def test_frames_come_in_order_with_their_people(walk, bars):
    with Pipeline(walk, bars()) as pipeline:
        result = list(pipeline)
    assert [a.frame.index for a in result] == list(range(40))
    np.testing.assert_allclose([a.tracked.time for a in result], np.arange(40) / 20, atol=1e-3)
    assert [len(a.tracked) for a in result] == [1] * 10 + [2] * 20 + [1] * 10
    xs = [float(a.tracked.people.keypoints[a.tracked.track_ids == 1][0, 0, 0]) for a in result]
    np.testing.assert_allclose(xs, 15 + np.arange(40), atol=1)
    assert workers() == []


def test_the_batch_size_does_not_change_the_result(walk, bars):
    def run(batch):
        estimator = bars(batch)
        with Pipeline(walk, estimator) as pipeline:
            return [a.tracked for a in pipeline], estimator.batches

    (one, _), (seven, batches) = run(1), run(7)
    assert batches == [7] * 5 + [5]
    for a, b in zip(one, seven, strict=True):
        np.testing.assert_array_equal(a.people.keypoints, b.people.keypoints)
        np.testing.assert_array_equal(a.track_ids, b.track_ids)


def test_each_video_has_its_own_ids(walk, bars):
    estimator = bars()
    for _ in range(2):
        with Pipeline(walk, estimator) as pipeline:
            assert {i for a in pipeline for i in a.tracked.track_ids.tolist()} == {1, 2}


def test_max_people_keeps_the_most_important(walk, bars):
    with Pipeline(walk, bars(), PipelineSettings().with_options(max_people=1)) as pipeline:
        assert {tuple(a.tracked.track_ids.tolist()) for a in pipeline} == {(1,)}


def test_start_and_end_select_frames(walk, bars):
    with Pipeline(walk, bars(), PipelineSettings().with_options(start=0.5, end=1.0, every=2)) as pipeline:
        assert [a.frame.index for a in pipeline] == [10, 12, 14, 16, 18]
        assert pipeline.expected_end == 1.0


def test_stopping_early_ends_the_threads(walk, bars):
    with Pipeline(walk, bars()) as pipeline:
        for _ in pipeline:
            break
    assert workers() == []


def test_an_error_of_the_network_is_raised_after_the_finished_frames(walk, bars):
    seen = []
    with pytest.raises(RuntimeError, match="the network broke"), Pipeline(walk, bars(fail_at=12)) as pipeline:
        seen.extend(a.frame.index for a in pipeline)
    assert seen == list(range(12))
    assert workers() == []


class Scripted(Source):
    """A stand-in source of given frames; None fails to decode, and an exception is raised."""

    warnings = ()

    def __init__(self, frames, live=False, pause=0.0):
        self.info = SourceInfo("scripted", 64, 160, live=live)
        self._script, self._pause = frames, pause

    def __iter__(self):
        for i, image in enumerate(self._script):
            time.sleep(self._pause)
            if isinstance(image, Exception):
                raise image
            yield Frame(i, i / 10, image)

    def close(self):
        pass

    def _rows(self):
        raise NotImplementedError

    _image = _rows


@pytest.fixture
def scripted(monkeypatch):
    def make(*arguments, **options):
        source = Scripted(*arguments, **options)
        monkeypatch.setattr("skelstream.pipeline.pipeline.open_source", lambda *a, **k: source)
        return "scripted"

    return make


def test_failed_frames_keep_their_position(scripted, bars, draw_bars):
    source = scripted([draw_bars(20), None, draw_bars(24), None, None, draw_bars(30)])
    with Pipeline(source, bars(batch=4)) as pipeline:
        result = [(a.frame.index, a.tracked.ok, len(a.tracked)) for a in pipeline]
    assert result == [(0, True, 1), (1, False, 0), (2, True, 1), (3, False, 0), (4, False, 0), (5, True, 1)]


def test_failed_frames_only(scripted, bars):
    with Pipeline(scripted([None] * 5), bars(batch=2)) as pipeline:
        assert [a.tracked.ok for a in pipeline] == [False] * 5


def test_frames_before_a_lost_source_are_returned(scripted, bars, draw_bars):
    seen = []
    source = scripted([draw_bars(20)] * 3 + [SourceError("camera 0 went away")])
    with pytest.raises(SourceError, match="went away"), Pipeline(source, bars()) as pipeline:
        seen.extend(a.frame.index for a in pipeline)
    assert seen == [0, 1, 2]


def test_a_live_source_drops_frames_instead_of_lagging(scripted, bars, draw_bars):
    class Slow(bars):
        def infer(self, inputs):
            time.sleep(0.03)
            return super().infer(inputs)

    with Pipeline(scripted([draw_bars(20)] * 60, live=True, pause=0.003), Slow()) as pipeline:
        result = list(pipeline)
    indices = [a.frame.index for a in result]
    assert indices == sorted(set(indices)) and indices[-1] == 59
    assert pipeline.times.dropped == 60 - len(indices) > 0


def test_stage_times_add_up(walk, bars):
    with Pipeline(walk, bars()) as pipeline:
        list(pipeline)
    seconds = pipeline.times.seconds
    assert set(seconds) == {"decode", "detection", "grouping", "refinement", "tracking"}
    assert all(spent > 0 for stage, spent in seconds.items() if stage != "refinement")


class StandIn:
    """A stand-in refiner: joints along the middle of the bright pixels in a box."""

    name, weights_sha256, skeleton = "bars", "0" * 64, COCO17

    def joints(self, image, boxes):
        keypoints = np.zeros((len(boxes), 17, 2), np.float32)
        scores = np.zeros((len(boxes), 17), np.float32)
        for i, (x, _, width, _, _) in enumerate(boxes):
            left = max(0, int(x - width / 2) - 6)
            bright = np.flatnonzero(image[32, left : int(x + width / 2) + 7, 0] > 160)
            if len(bright):
                keypoints[i, :, 0], scores[i] = left + bright.mean(), 0.9
                keypoints[i, :, 1] = np.linspace(8, 56, 17)
        return keypoints, scores


@pytest.fixture
def refined_bars(bars):
    class RefinedBars(bars):
        def refinement(self):
            return Refinement(StandIn(), RefinementSettings(), OPENPOSE18)

    return RefinedBars


@pytest.mark.parametrize("every, most", [(1, 40), (5, 20), ("auto", 24)])
def test_people_are_tracked_between_detections(walk, refined_bars, every, most):
    with Pipeline(walk, refined_bars(), PipelineSettings().with_options(detect_every=every)) as pipeline:
        result = list(pipeline)
        times = pipeline.times
    assert [a.frame.index for a in result] == list(range(40))
    assert 7 <= times.detections <= most
    xs = [float(a.tracked.people.keypoints[a.tracked.track_ids == 1][0, 0, 0]) for a in result]
    np.testing.assert_allclose(xs, 15 + np.arange(40), atol=2)
    there = [2 in a.tracked.track_ids for a in result]
    came, left = there.index(True), 40 - there[::-1].index(True)
    assert (came, left) == (10, 30)  # followed back to the first frame, and lost at once


def test_without_refinement_every_frame_is_detected(walk, bars):
    with pytest.raises(SettingsError, match="without refinement"):
        Pipeline(walk, bars(), PipelineSettings().with_options(detect_every=3))
    with Pipeline(walk, bars(), PipelineSettings().with_options(detect_every="auto")) as pipeline:
        assert len(list(pipeline)) == pipeline.times.detections == 40


def test_without_tracking_every_frame_is_detected(walk, refined_bars):
    with Pipeline(walk, refined_bars(), PipelineSettings().with_options(tracking=False)) as pipeline:
        assert len(list(pipeline)) == pipeline.times.detections == 40
        assert pipeline.times.crops == 60


def test_the_interval_of_detection_is_in_the_settings(walk, refined_bars):
    for every in (3, "auto"):
        with Pipeline(walk, refined_bars(), PipelineSettings().with_options(detect_every=every)) as pipeline:
            assert pipeline.builder().finish().meta["settings"]["detect_every"] == every


def test_the_batch_size_does_not_change_tracks_between_detections(walk, refined_bars):
    def run(batch):
        with Pipeline(
            walk, refined_bars(batch), PipelineSettings().with_options(detect_every="auto")
        ) as pipeline:
            return [a.tracked for a in pipeline]

    for one, seven in zip(run(1), run(7), strict=True):
        np.testing.assert_array_equal(one.people.keypoints, seven.people.keypoints)
        np.testing.assert_array_equal(one.track_ids, seven.track_ids)
