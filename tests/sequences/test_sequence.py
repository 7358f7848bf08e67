from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.processing import filled, smoothed
from skelstream.skeleton import COCO17


def test_tracks_are_views(sequence):
    track = sequence[0]
    assert track.id == 7 and len(track) == 4
    assert track.times.tolist() == [0.0, 0.04, 0.16, 0.20]
    assert np.shares_memory(track.keypoints, sequence.keypoints)
    assert [t.id for t in sequence] == [7, 3] and sequence[-1].id == 3
    with pytest.raises(IndexError):
        sequence[2]


def test_dense(sequence):
    dense = sequence.dense()
    assert dense.shape == (2, 6, 18, 3) and dense.dtype == np.float32
    assert dense[0, 4, 2].tolist() == [24, 14, np.float32(0.8)]
    assert not dense[0, 2].any() and not dense[0, 1, 4].any()
    assert dense[1, 1, 0].tolist() == [101, 101, 0.5]


def test_dense_slots_and_missing(sequence):
    assert sequence.dense(persons=None).shape[0] == 2
    four = sequence.dense(persons=4, fill_value=np.nan)
    assert np.isnan(four[2:, ..., :2]).all() and not four[2:, ..., 2].any()
    assert np.isnan(four[0, 1, 4, :2]).all() and four[0, 1, 4, 2] == 0
    assert sequence.dense(persons=1).shape[0] == 1


def test_as_skeleton(sequence):
    coco = sequence.as_skeleton("coco17")
    for joint in COCO17.joints:
        a, b = sequence.skeleton.index(joint), COCO17.index(joint)
        assert np.array_equal(coco.keypoints[:, b], sequence.keypoints[:, a], equal_nan=True)
    assert coco.meta["joints"] == list(COCO17.joints) and coco.skeleton == COCO17
    assert coco.as_skeleton("coco17") is coco
    back = coco.as_skeleton("openpose18")
    neck = (sequence.keypoints[:, 2] + sequence.keypoints[:, 5]) / 2
    assert np.array_equal(back.keypoints[:, 1], neck)
    with pytest.raises(FormatError, match="unknown joint set"):
        sequence.as_skeleton("smurf")


def test_as_skeleton_keeps_observed_and_raw(sequence):
    whole = filled(sequence, 1.0)
    coco = whole.as_skeleton("coco17")
    assert coco.raw.skeleton == COCO17
    wrist = COCO17.index("right_wrist")
    row = 1
    assert np.isfinite(coco.keypoints[row, wrist]).all() and not coco.observed[row, wrist]
    assert np.isnan(coco.raw.keypoints[row, wrist]).all()


def test_equals(sequence):
    assert sequence.equals(replace(sequence))
    assert not sequence.equals(replace(sequence, keypoints=sequence.keypoints + 1))
    assert not sequence.equals(replace(sequence, meta={**sequence.meta, "source": "other"}))
    assert not sequence.equals(filled(sequence, 1.0))


def _bad_scores(s):
    return {"scores": s.scores + 1}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: {"keypoints": s.keypoints[:, :17]}, "scores has shape"),
        (lambda s: {"keypoints": s.keypoints[..., 0]}, "keypoints has shape"),
        (lambda s: {"boxes": s.boxes[:, :3]}, "boxes has shape"),
        (lambda s: {"frame": s.frame.astype(float)}, "frame has dtype"),
        (lambda s: {"keypoints": s.keypoints.astype("U8")}, "keypoints has dtype"),
        (_bad_scores, "scores must lie"),
        (lambda s: {"scores": np.where(s.scores == 0, np.nan, s.scores)}, "scores must lie"),
        (lambda s: {"scores": np.full_like(s.scores, 0.5)}, "missing joints"),
        (
            lambda s: {"keypoints": np.where(s.keypoints == 4, np.inf, s.keypoints)},
            "keypoints must be finite",
        ),
        (lambda s: {"boxes": np.full_like(s.boxes, np.nan)}, "boxes must be finite"),
        (lambda s: {"track_start": np.array([0, 6, 6])}, "track_start must increase"),
        (lambda s: {"track_start": np.array([0, 4, 5])}, "track_start must increase"),
        (lambda s: {"track_start": np.array([0, 6])}, "track_start has shape"),
        (
            lambda s: {"track_start": np.array([], int), "track_ids": np.array([], int)},
            "track_start has shape",
        ),
        (lambda s: {"track_ids": np.array([1, 1])}, "track_ids must be unique"),
        (lambda s: {"frame": s.frame + 4}, "a row of the frame table"),
        (lambda s: {"frame": s.frame * 0}, "increase within a track"),
        (lambda s: {"frame_index": s.frame_index[::-1]}, "frame_index must increase"),
        (lambda s: {"frame_time": s.frame_time[::-1]}, "frame_time must be finite"),
        (lambda s: {"frame_time": s.frame_time * np.nan}, "frame_time must be finite"),
        (lambda s: {"frame_ok": s.frame_ok[:-1]}, "frame_ok has shape"),
        (lambda s: {"meta": {}}, "meta must"),
        (lambda s: {"meta": {"skeleton": "coco17"}}, "17"),
        (lambda s: {"meta": {**s.meta, "joints": s.meta["joints"][::-1]}}, "joints"),
        (lambda s: {"observed": np.ones_like(s.observed)}, "observed"),
    ],
)
def test_inconsistent_arrays(sequence, change, words):
    with pytest.raises(FormatError, match=words):
        replace(sequence, **{"observed": None, **change(sequence)})


def test_arrays_are_cast(sequence):
    cast = replace(
        sequence, keypoints=sequence.keypoints.astype(np.float64), frame=sequence.frame.astype(int)
    )
    assert cast.keypoints.dtype == np.float32 and cast.frame.dtype == np.int32


def test_importing_sequences_does_not_import_torch():
    import subprocess
    import sys

    code = "import sys, skelstream.sequences, skelstream.formats; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_sequence_prints_as_three_lines(sequence):
    assert str(sequence).splitlines() == [
        "SkeletonSequence of clip.mp4: 640 x 480 pixels, 0.20 s, 6 frames at 25 frames per second",
        "2 tracks, 6 poses, 18 joints (openpose18)",
        "as measured; model unknown",
    ]
    bare = replace(sequence, meta={"skeleton": "openpose18", "model": "paf"})
    assert "an unknown source: unknown size, 0.20 s, 6 frames\n" in repr(bare)
    assert str(filled(bare, 1.0)).endswith("\nfilled; model paf")
    assert str(smoothed(filled(bare, 1.0)).as_skeleton("coco17")).endswith("\nfilled, smoothed; model paf")
    assert str(smoothed(bare)).endswith("\nsmoothed; model paf")
