"""Following with an estimator and a refiner that see bars of bright pixels."""

from __future__ import annotations

import numpy as np
import pytest

from skelstream.pipeline import Pipeline
from skelstream.pipeline.detection import DecodedFrame, View
from skelstream.pipeline.following import most_frames, spans
from skelstream.settings import PipelineSettings
from skelstream.video import Frame, SourceInfo

from .test_pipeline import refined_bars, scripted  # noqa: F401 - fixtures


def items(script: str) -> list[DecodedFrame]:
    """Return frames, those at ``d`` to detect in."""
    view = View(None)  # type: ignore[arg-type]
    return [
        DecodedFrame(Frame(i, i / 25, None), 0.0, (view,) if c == "d" else ()) for i, c in enumerate(script)
    ]


@pytest.mark.parametrize(
    ("script", "lengths"),
    [("dddd", [1] * 4), ("d..d..d", [1, 3, 3]), ("d..d..", [1, 3, 2]), ("d.......d", [1, 4, 4]), ("", [])],
)
def test_gaps_end_with_a_detected_frame_or_are_full(script, lengths) -> None:
    found = list(spans(items(script), 4))
    assert [len(span) for span in found] == lengths
    assert [item.frame.index for span in found for item in span] == list(range(len(script)))


@pytest.mark.parametrize(
    ("height", "width", "live", "most"),
    [(1080, 1920, False, 40), (4320, 7680, False, 8), (1080, 1920, True, 1)],
)
def test_frames_wait_as_memory_allows(height, width, live, most) -> None:
    assert most_frames(SourceInfo("a", height, width, live=live)) == most


def tracks(source, estimator, every=5) -> list[dict[int, float]]:
    """Return the place of each track, by frame."""
    with Pipeline(source, estimator, PipelineSettings().with_options(detect_every=every)) as pipeline:
        return [
            dict(zip(a.tracked.track_ids.tolist(), a.tracked.people.keypoints[:, 0, 0].tolist(), strict=True))
            for a in pipeline
        ]


def test_who_comes_into_view_is_followed_back_to_the_first_frame(scripted, refined_bars, draw_bars):  # noqa: F811
    script = [draw_bars(20 + i, *([100 - i] if i >= 7 else [])) for i in range(11)]
    found = tracks(scripted(script), refined_bars())
    assert [sorted(frame) for frame in found] == [[1]] * 7 + [[1, 2]] * 4
    np.testing.assert_allclose([found[i][2] for i in range(7, 11)], [100 - i for i in range(7, 11)], atol=1)


def test_who_is_hidden_between_detections_keeps_the_identity(scripted, refined_bars, draw_bars):  # noqa: F811
    dark = (12, 13)
    script = [draw_bars(20, *([] if i in dark else [100])) for i in range(21)]
    found = tracks(scripted(script), refined_bars())
    assert [sorted(frame) for frame in found] == [[1] if i in dark else [1, 2] for i in range(21)]


def test_a_failed_frame_between_detections_keeps_its_place(scripted, refined_bars, draw_bars):  # noqa: F811
    script = [None if i == 8 else draw_bars(20, *([100] if i >= 7 else [])) for i in range(12)]
    with Pipeline(
        scripted(script), refined_bars(), PipelineSettings().with_options(detect_every=5)
    ) as pipeline:
        frames = [(a.frame.index, a.tracked.ok, len(a.tracked)) for a in pipeline]
    assert [number for number, _, _ in frames] == list(range(12))
    assert [number for number, ok, _ in frames if not ok] == [8]
    assert [count for _, _, count in frames] == [1] * 8 + [0] + [2] * 3  # followed back to the failed frame


def test_a_missed_person_is_detected_in_every_frame(scripted, refined_bars, draw_bars):  # noqa: F811
    def detections(gone: int) -> int:
        script = [draw_bars(20, *([100] if i < gone else [])) for i in range(31)]
        source = scripted(script)
        with Pipeline(source, refined_bars(), PipelineSettings().with_options(detect_every=5)) as pipeline:
            list(pipeline)
            return pipeline.times.detections

    assert detections(31) == 7
    assert 7 + 4 <= detections(17) <= 7 + 5  # at 10 frames a second, for half a second


def test_there_is_no_state_while_analysed_frames_wait(scripted, refined_bars, draw_bars):  # noqa: F811
    source = scripted([draw_bars(20)] * 8)
    with Pipeline(source, refined_bars(), PipelineSettings().with_options(detect_every=3)) as pipeline:
        states = (pipeline.state() for _ in pipeline)
        frames = [state.policy.frames if state else None for state in states]
    assert frames == [1, None, None, 4, None, None, 7, 8]


def test_a_live_source_waits_for_no_detection(scripted, refined_bars, draw_bars):  # noqa: F811
    script = [draw_bars(20 + i, *([100 - i] if i >= 7 else [])) for i in range(11)]
    source = scripted(script, live=True, pause=0.05)
    assert 2 not in tracks(source, refined_bars())[7]


def test_the_region_holds_for_those_who_are_followed_back(scripted, refined_bars, draw_bars):  # noqa: F811
    script = [draw_bars(20, *([100] if i >= 7 else [])) for i in range(11)]
    settings = PipelineSettings().with_options(detect_every=5, region="0,0,64,64")
    with Pipeline(scripted(script), refined_bars(), settings) as pipeline:
        assert [len(a.tracked) for a in pipeline] == [1] * 11


def test_nobody_is_followed_back_out_of_the_region(scripted, refined_bars, draw_bars):  # noqa: F811
    script = [draw_bars(20, 100 - 4 * i) for i in range(16)]
    settings = PipelineSettings().with_options(detect_every=5, region="0,0,64,64")
    with Pipeline(scripted(script), refined_bars(), settings) as pipeline:
        places = [a.tracked.people.keypoints[:, 0, 0].tolist() for a in pipeline]
    assert len(places[9]) == len(places[15]) == 2  # comes in at frame 9, between two detections
    assert max(sum(places, [])) <= 64
