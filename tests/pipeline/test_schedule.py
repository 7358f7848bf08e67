from __future__ import annotations

import pytest

from skelstream.errors import SettingsError
from skelstream.pipeline.schedule import LONGEST_SPAN, DetectionSchedule, LiveBudget, TurnedViews
from skelstream.settings import PipelineSettings


def detected(schedule: DetectionSchedule, times: list[float]) -> list[int]:
    return [number for number, time in enumerate(times) if schedule.due(time)]


def test_a_number_detects_every_nth_frame() -> None:
    times = [i / 25 for i in range(10)]
    assert detected(DetectionSchedule(), times) == list(range(10))
    assert detected(DetectionSchedule(4), times) == [0, 4, 8]


@pytest.mark.parametrize("rate", [2, 3.3, 5, 10, 23.976, 25, 30, 60])
def test_auto_never_exceeds_the_longest_gap(rate: float) -> None:
    times = [i / rate for i in range(200)]
    detections = [times[i] for i in detected(DetectionSchedule("auto"), times)]
    spans = [b - a for a, b in zip(detections, detections[1:], strict=False)]
    assert max(spans) <= max(LONGEST_SPAN + 1e-6, 1 / rate + 1e-9)
    assert min(spans) > LONGEST_SPAN - 1.01 / rate  # and is nearly reached


def test_auto_detects_at_once_after_a_pause() -> None:
    assert detected(DetectionSchedule("auto"), [0, 0.04, 0.08, 2.0, 2.04, 2.08]) == [0, 3]


def test_a_number_below_1_is_an_error() -> None:
    with pytest.raises(SettingsError, match="detect_every is 0: give auto or a number at least 1"):
        PipelineSettings(detect_every=0)


def test_a_budget_shrinks_at_once_and_grows_slowly() -> None:
    budget = LiveBudget()
    assert budget.people(0) == 4
    assert [budget.people(dropped) for dropped in (1, 2, 2, 5)] == [3, 2, 2, 1]
    assert max(budget.people(5) for _ in range(29)) == 1 and budget.people(5) == 2


def test_refinement_saves_only_after_hands_and_faces_do() -> None:
    parts = LiveBudget()
    budget = LiveBudget(parts)
    limits = []
    for dropped in range(1, 7):
        limits.append((budget.people(dropped), parts.people(dropped)))
    assert limits == [(4, 3), (4, 2), (4, 1), (4, 0), (3, 0), (2, 0)]


def test_an_early_detection_needs_a_third_of_the_gap() -> None:
    given = [DetectionSchedule("auto").allows_early(9, seconds) for seconds in (0.02, 0.04, 0.05, 0.1)]
    assert given == [False, False, True, True]
    assert [DetectionSchedule(5).allows_early(frames, 9.0) for frames in (1, 2, 3)] == [False, True, True]
    assert DetectionSchedule(2).allows_early(1, 0.0)


def test_turned_views_are_rare_where_everybody_stands() -> None:
    views = TurnedViews()
    due = [views.due(i / 30, {}, missing=False) for i in range(400)]
    assert due[0] == [] and sum(map(len, due)) == 20
    assert {turn for turns in due for turn in turns} == {90, 180, 270}


def test_a_missing_person_is_sought_in_all_views_at_once_and_then_rarely() -> None:
    views = TurnedViews()
    due = [views.due(i / 30, {}, missing=True) for i in range(100)]
    assert sorted(due[0]) == [90, 180, 270] and sum(map(len, due)) <= 3 + 100 / 20


def test_turned_views_are_as_frequent_where_few_frames_are_detected() -> None:
    views = TurnedViews()
    assert sum(len(views.due(i / 6, {}, missing=False, frames=5)) for i in range(80)) == 20


def test_the_view_of_a_lying_person_is_due_again_and_again() -> None:
    views = TurnedViews()
    due = [90 in views.due(i / 30, {90: i < 3}, missing=False) for i in range(30)]
    assert due[:3] == [True] * 3  # until the track is confirmed
    assert 5 <= sum(due[3:]) <= 6  # then each LONGEST_SPAN
