import json
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from street_scenes import SceneSettings, figure, scene, scene_similarities
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.errors import FormatError, MissingExtraError
from skelstream.evaluation.tracking import (
    LabelledBoxes,
    boxes_as_people,
    confirmed_tracks,
    read_mot,
    score_file,
    score_similarities,
    score_tracks,
)
from skelstream.formats import save
from skelstream.people import People
from skelstream.sequences import SequenceBuilder
from skelstream.settings.tracking import TrackerSettings
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.kalman_tracker import KalmanTracker
from skelstream.tracking.tracked import TrackedPeople

CLIPS = (
    Path(os.environ.get("SKELSTREAM_DATA", Path(__file__).parents[2].parent / "shared")) / "video/tracking"
)
HERE, THERE, NOWHERE = [0, 0, 10, 20], [100, 0, 110, 20], [500, 0, 510, 20]


def frame(**people):
    ids = [int(name[1:]) for name in people]
    boxes = np.array(list(people.values()), np.float32).reshape(-1, 4)
    return LabelledBoxes(np.array(ids, int), boxes, np.ones(len(ids), np.float32))


def test_a_tiny_example_worked_out_by_hand():
    """Persons 1 and 2 for four frames: 8 objects.

    Track 7 follows person 1 for two frames and person 2 in the last; track 8 takes over person 1. Person 2 is
    tracked in the last frame only. Track 9 is a false positive.
    """
    truth = {i: frame(p1=HERE, p2=THERE) for i in range(4)}
    found = {
        0: frame(t7=HERE),
        1: frame(t7=HERE, t9=NOWHERE),
        2: frame(t8=HERE),
        3: frame(t8=HERE, t7=THERE),
    }
    scores = score_tracks(truth, found)
    assert (scores.objects, scores.identities, scores.tracks) == (8, 2, 3)
    assert scores.misses == 3  # person 2 in frames 0 to 2
    assert scores.false_positives == 1
    assert scores.switches == 1  # person 1 from 7 to 8
    assert scores.mota == pytest.approx(1 - (3 + 1 + 1) / 8)
    # Best pairing of identities: 1 with 8 and 2 with 7 (2 + 1 frames) or 1 with 7 (2) alone; 6 boxes given.
    assert scores.idf1 == pytest.approx(2 * 3 / (8 + 6))
    assert scores.overlap == pytest.approx(1)
    assert scores.mostly_tracked == 1


def test_perfect_and_empty_tracks():
    truth = {i: frame(p1=HERE, p2=THERE) for i in range(3)}
    perfect = score_tracks(truth, {i: frame(t5=HERE, t4=THERE) for i in range(3)})
    assert (perfect.mota, perfect.idf1, perfect.switches) == (1, 1, 0)
    empty = score_tracks(truth, {})
    assert (empty.mota, empty.idf1, empty.misses) == (0, 0, 6)
    assert math.isnan(empty.overlap)


def test_boxes_that_overlap_too_little_do_not_match():
    scores = score_tracks({0: frame(p1=[0, 0, 10, 10])}, {0: frame(t1=[6, 0, 16, 10])})
    assert (scores.misses, scores.false_positives) == (1, 1)


def test_a_mot_file(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_text("1,3,11,21,30,40,1,-1,-1,-1\n3,3,12,21,30,40,1,-1,-1,-1\n3,4,1,1,5,5,0,-1,-1,-1\n")
    frames = read_mot(path)
    assert sorted(frames) == [0, 2]
    assert frames[0].boxes.tolist() == [[10, 20, 40, 60]]
    assert frames[2].ids.tolist() == [3]  # identity 4 is to be ignored


def test_tracks_on_distractors_do_not_count_and_those_on_other_things_do(tmp_path):
    """In files with classes, as MOT17's: 1 is a person, 12 a reflection, 3 a car; the person of confidence 0 is ignored."""
    people = [HERE, THERE, [200, 0, 210, 20], [300, 0, 310, 20]]
    builder = SequenceBuilder(OPENPOSE18, source="street.mp4", height=240, width=640)
    missing = np.full((4, 18, 2), np.nan, np.float32)
    boxes = People(
        missing, np.zeros((4, 18), np.float32), np.ones(4, np.float32), np.array(people, np.float32)
    )
    for i in range(4):
        builder.add(TrackedPeople(i, i / 10, boxes, np.arange(1, 5, dtype=np.int32), np.ones(4, bool)))
    save(builder.finish(), tmp_path / "street.npz")
    labelled = zip(people, ((1, 1), (0, 12), (0, 3), (0, 1)), strict=True)
    lines = [
        f"{i + 1},{one},{box[0] + 1},1,10,20,{confidence},{kind},1.0\n"
        for one, (box, (confidence, kind)) in enumerate(labelled)
        for i in range(3)
    ]
    (tmp_path / "gt.txt").write_text("".join(lines))
    scores = score_file(tmp_path / "street.npz", tmp_path / "gt.txt", margin=0)
    assert (scores.objects, scores.misses, scores.identities) == (3, 0, 1)
    assert (
        scores.false_positives == 3 * 2 + 4
    )  # the car, the ignored person, and all four of the frame without labels
    (tmp_path / "gt.txt").write_text("".join(line.rsplit(",", 2)[0] + "\n" for line in lines))
    assert score_file(tmp_path / "street.npz", tmp_path / "gt.txt", margin=0).false_positives == 3 * 3 + 4


@pytest.mark.parametrize("text", ["1,2,3\n", "a,b,c,d,e,f,g\n"])
def test_other_files_than_motchallenges_are_refused(tmp_path, text):
    path = tmp_path / "gt.txt"
    path.write_text(text)
    with pytest.raises(FormatError, match="gt.txt"):
        read_mot(path)
    with pytest.raises(FormatError, match="none.txt"):
        read_mot(tmp_path / "none.txt")


def test_an_empty_mot_file_has_no_people(tmp_path):
    path = tmp_path / "det.txt"
    path.write_text("")
    assert read_mot(path) == {}


def test_without_motmetrics(monkeypatch):
    monkeypatch.setitem(sys.modules, "motmetrics", None)
    with pytest.raises(MissingExtraError, match="pip install"):
        score_similarities([], 0.5)


def test_boxes_become_people_by_falling_score():
    people = boxes_as_people(frame(d1=HERE, d2=THERE), 18, np.array([0.2, 0.7]))
    assert people.person_scores.tolist() == pytest.approx([0.7, 0.2])
    assert people.boxes.tolist() == [THERE, HERE]
    assert np.isnan(people.keypoints).all()


def tracked(index, ids, confirmed):
    people = People(
        np.full((len(ids), 18, 2), np.nan, np.float32),
        np.zeros((len(ids), 18), np.float32),
        np.ones(len(ids), np.float32),
        np.zeros((len(ids), 4), np.float32),
    )
    return TrackedPeople(index, index / 25, people, np.array(ids, np.int32), np.array(confirmed, bool))


def test_tracks_that_were_never_confirmed_are_left_out():
    frames = confirmed_tracks(
        [tracked(0, [1, 2], [False, False]), tracked(1, [1], [True]), tracked(2, [], [])]
    )
    assert {i: f.ids.tolist() for i, f in frames.items()} == {0: [1], 1: [1], 2: []}


def test_a_figure_has_all_joints_in_a_body_of_height_one():
    pose = figure(0.7, 0.4)
    assert np.isfinite(pose).all()
    assert -1 < pose[:, 1].min() < -0.9
    assert pose[OPENPOSE18.index("nose"), 1] < pose[OPENPOSE18.index("left_knee"), 1]


def test_scenes_repeat_and_drop_frames():
    settings = SceneSettings(seconds=2, walkers=3)
    first, second = scene(settings, 4), scene(settings, 4)
    assert len(first) == 50
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.people.keypoints, b.people.keypoints, equal_nan=True)
    fewer = scene(SceneSettings(seconds=2, walkers=3, kept=0.5), 4)
    assert 10 < len(fewer) < 40
    assert len({round(d, 6) for d in np.diff([f.time for f in fewer])}) > 1


def test_joints_keep_identities_that_boxes_lose():
    """The claim of the documentation's ablation, on one scene."""
    frames = scene(SceneSettings(seconds=6, walkers=10), seed=200)

    def run(settings):
        tracker = KalmanTracker(settings, OPENPOSE18)
        return score_similarities(
            scene_similarities(frames, [tracker.update(i, f.time, f.people) for i, f in enumerate(frames)]),
            0.5,
        )

    boxes, joints = run(TrackerSettings(oks_weight=0.0)), run(TrackerSettings())
    assert joints.switches < boxes.switches
    assert joints.idf1 > boxes.idf1
    assert joints.mota > 0.7


@pytest.mark.skipif(not CLIPS.is_dir(), reason="the development clips are not there")
@pytest.mark.parametrize(
    ("clip", "mota", "idf1"), [("TUD-Campus", 0.40, 0.45), ("TUD-Stadtmitte", 0.60, 0.55)]
)
def test_public_detections_of_a_real_street(clip, mota, idf1):
    truth, found = read_mot(CLIPS / clip / "gt.txt"), read_mot(CLIPS / clip / "det.txt")
    tracker, empty, results = KalmanTracker(TrackerSettings(), OPENPOSE18), People.none(18), []
    for index in range(max(truth) + 1):
        people = empty
        if index in found:
            scores = 1 / (1 + np.exp(-(found[index].scores.astype(float) - 41) / 10))
            people = boxes_as_people(found[index], 18, scores)
        results.append(tracker.update(index, index / 25, people))
    scores = score_tracks(truth, confirmed_tracks(results))
    assert scores.mota > mota
    assert scores.idf1 > idf1


@pytest.fixture
def files(tmp_path):
    """Tracks of two people in frames 0 to 2 of the source, and ground truth of frames 0 to 4."""
    builder = SequenceBuilder(OPENPOSE18, source="a.mp4", height=240, width=320)
    for index in range(3):
        people = People(
            np.full((2, 18, 2), 50, np.float32), np.ones((2, 18), np.float32), np.ones(2, np.float32),
            np.array([[10, 20, 40, 60], [100, 20, 130, 60]], np.float32),
        )  # fmt: skip
        builder.add(TrackedPeople(index, index / 25, people, np.array([1, 2], np.int32), np.ones(2, bool)))
    save(builder.finish(), tmp_path / "a.npz")
    rows = [
        f"{frame},{7 + i},{x},21,30,40,1,-1,-1,-1" for frame in range(1, 6) for i, x in enumerate((11, 101))
    ]
    (tmp_path / "gt.txt").write_text("\n".join(rows))
    return tmp_path


def test_tracks_of_a_file_are_scored_in_its_frames(files):
    scores = score_file(files / "a.npz", files / "gt.txt", margin=0)
    assert (scores.mota, scores.idf1, scores.objects, scores.overlap) == (1, 1, 6, pytest.approx(1))
    assert score_file(files / "a.npz", files / "gt.txt").overlap == pytest.approx(1 / 1.44)
    (files / "gt.txt").write_text("9,1,11,21,30,40,1,-1,-1,-1\n")
    with pytest.raises(FormatError, match="gt.txt: no labelled person in the frames of"):
        score_file(files / "a.npz", files / "gt.txt")


def test_the_command_prints_figures(files):
    command = ["eval-tracking", str(files / "a.npz"), "--truth", str(files / "gt.txt")]
    shown = CliRunner().invoke(app, command)
    assert (
        shown.exit_code == 0
        and "MOTA" in shown.output
        and "HOTA" in shown.output
        and "100.0 %" in shown.output
    )
    data = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    # Grown boxes have IoU 1 / 1.44, which 13 of the 19 thresholds accept.
    assert [data[name] for name in ("hota", "deta", "assa")] == pytest.approx([13 / 19] * 3)
    assert (data["mota"], data["switches"], data["misses"], data["false_positives"]) == (1, 0, 0, 0)
    assert (
        json.loads(CliRunner().invoke(app, [*command, "--json", "--min-iou", "1"]).stdout)["overlap"] is None
    )
    missing = CliRunner().invoke(app, [*command[:3], str(files / "none.txt")])
    assert missing.exit_code == 1 and "none.txt: cannot be read" in missing.output
