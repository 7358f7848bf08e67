"""Tests of lifted sequences: poses, warnings and files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from skelstream.errors import FormatError, ModelError
from skelstream.formats import load, save
from skelstream.network.lifting import LiftingConfig, LiftingNetwork
from skelstream.network.weights import save_weights
from skelstream.processing import filled, main_person_first, smoothed
from skelstream.processing.lifting.lift import lift
from skelstream.processing.lifting.lifter import Lifter
from skelstream.sequences.lifted import Lifted
from skelstream.sequences.sequence import SkeletonSequence, skeleton_meta
from skelstream.skeleton import COCO17, H36M17, OPENPOSE18


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    network = LiftingNetwork(LiftingConfig(channels=16))
    save_weights(path, network.state_dict(), "lifting", network.config.to_dict(), {})
    return path


def _sequence(skeleton=COCO17, lengths=(20, 8), **meta) -> SkeletonSequence:
    random, rows, frames = np.random.default_rng(2), sum(lengths), max(lengths, default=4)
    joints = len(skeleton)
    return SkeletonSequence(
        keypoints=random.uniform(50, 400, (rows, joints, 2)).astype(np.float32),
        scores=np.full((rows, joints), 0.8, np.float32),
        boxes=np.tile(np.float32([50, 50, 400, 400]), (rows, 1)),
        person_scores=np.full(rows, 0.9, np.float32),
        frame=np.concatenate([np.arange(0), *(np.arange(n) for n in lengths)]).astype(np.int32),
        track_ids=np.arange(1, len(lengths) + 1, dtype=np.int32),
        track_start=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        frame_index=np.arange(frames, dtype=np.int32),
        frame_time=np.arange(frames) / 25,
        frame_ok=np.ones(frames, bool),
        meta={**skeleton_meta(skeleton), "height": 480, "width": 640, **meta},
    )


def _without(sequence, rows, joints):
    keypoints, scores = sequence.keypoints.copy(), sequence.scores.copy()
    keypoints[np.ix_(rows, joints)], scores[np.ix_(rows, joints)] = np.nan, 0
    return replace(sequence, keypoints=keypoints, scores=scores, observed=None)


@pytest.mark.parametrize("skeleton", [COCO17, OPENPOSE18])
def test_every_row_gets_a_pose_relative_to_the_root(weights, skeleton):
    lifted = lift(_sequence(skeleton), Lifter(weights, "cpu")).lifted
    assert lifted.keypoints.shape == (28, len(H36M17), 3)
    assert np.isfinite(lifted.keypoints).all() and lifted.observed.all()
    assert not lifted.keypoints[:, 0].any()


def test_a_mirrored_person_is_lifted_to_the_mirror_image(weights):
    sequence = _sequence()
    mirrored = sequence.keypoints[:, list(COCO17.flip_order)] * np.float32([-1, 1]) + np.float32([640, 0])
    lifter = Lifter(weights, "cpu")
    one = lift(sequence, lifter).lifted.keypoints
    other = lift(replace(sequence, keypoints=mirrored), lifter).lifted.keypoints
    np.testing.assert_allclose(other[:, list(H36M17.flip_order)] * [-1, 1, 1], one, atol=1e-4)


def test_poses_with_too_few_joints_are_not_lifted_and_reported(weights):
    legs = [COCO17.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("knee", "ankle")]
    sequence = _without(_sequence(), [3, 4], legs)
    sequence = _without(sequence, [6], list(range(5, 17)))
    result = lift(sequence, Lifter(weights, "cpu"))
    assert np.isnan(result.lifted.keypoints[6]).all() and not result.lifted.observed[6].any()
    seen = result.lifted.observed[3]
    assert not seen[H36M17.index("left_knee")] and seen[H36M17.index("neck")]
    assert result.meta["lifting"]["rows_lifted"] == 27
    assert result.meta["lifting"]["rows_without_legs"] == 2
    assert [line.split()[0] for line in result.meta["warnings"]] == ["1", "2"]


def test_short_tracks_are_reported(weights):
    result = lift(_sequence(lengths=(20, 3)), Lifter(weights, "cpu"))
    assert "shorter" in result.meta["warnings"][0] and np.isfinite(result.lifted.keypoints).all()


def test_files_keep_lifted_poses(weights, tmp_path):
    sequence = lift(_sequence(), Lifter(weights, "cpu"))
    save(sequence, tmp_path / "one.npz")
    assert load(tmp_path / "one.npz").equals(sequence)
    with np.load(tmp_path / "one.npz") as file:
        assert file["keypoints_3d"].shape == (28, 17, 3) and file["observed_3d"].dtype == bool
    cleaned = lift(smoothed(_sequence()), Lifter(weights, "cpu"))
    save(cleaned, tmp_path / "clean.npz")
    again = load(tmp_path / "clean.npz")
    assert again.equals(cleaned) and again.raw.lifted is not None


def test_one_of_two_arrays_is_an_error(weights, tmp_path):
    save(lift(_sequence(), Lifter(weights, "cpu")), tmp_path / "whole.npz")
    with np.load(tmp_path / "whole.npz") as file:
        arrays = {name: file[name] for name in file.files if name != "observed_3d"}
    np.savez(tmp_path / "half.npz", **arrays)
    with pytest.raises(FormatError, match="observed_3d"):
        load(tmp_path / "half.npz")


def test_processing_that_moves_rows_moves_or_drops_the_poses(weights):
    sequence = lift(_sequence(lengths=(8, 20)), Lifter(weights, "cpu"))
    ordered = main_person_first(sequence, "longest")
    np.testing.assert_array_equal(ordered[0].lifted.keypoints, sequence[1].lifted.keypoints)
    changed = filled(sequence)
    assert changed.lifted is None and changed.raw.lifted is sequence.lifted


def test_equal_sequences_have_equal_poses(weights):
    sequence = _sequence()
    result = lift(sequence, Lifter(weights, "cpu"))
    other = replace(result, lifted=Lifted(result.lifted.keypoints + 1, result.lifted.observed))
    assert not result.equals(other) and not result.equals(replace(result, lifted=None))


@pytest.mark.parametrize(
    ("keypoints", "observed", "match"),
    [
        (np.zeros((2, 16, 3), np.float32), np.zeros((2, 16), bool), "float"),
        (np.zeros((2, 17, 3), np.float32), np.zeros((2, 17), int), "bool"),
        (np.full((2, 17, 3), 1e9, np.float32), np.zeros((2, 17), bool), "within"),
        (np.full((2, 17, 3), np.nan, np.float32), np.ones((2, 17), bool), "False"),
    ],
)
def test_invalid_arrays_are_errors(keypoints, observed, match):
    with pytest.raises(FormatError, match=match):
        Lifted(keypoints, observed)


def test_a_wrong_number_of_rows_is_an_error():
    lifted = Lifted(np.zeros((3, 17, 3), np.float32), np.zeros((3, 17), bool))
    with pytest.raises(FormatError, match="28"):
        replace(_sequence(), lifted=lifted)


def test_a_network_of_the_image_needs_its_size(tmp_path):
    network = LiftingNetwork(LiftingConfig(channels=8, normalisation="image", presence=False))
    path = tmp_path / "image.safetensors"
    save_weights(path, network.state_dict(), "lifting", network.config.to_dict(), {})
    lifter = Lifter(path, "cpu")
    assert lift(_sequence(), lifter).lifted is not None
    with pytest.raises(ModelError, match="needs the image"):
        lift(_sequence(height=None, width=None), lifter)


def test_weights_of_another_network_are_an_error():
    with pytest.raises(ModelError, match="topdown"):
        Lifter("skelstream-refiner")


def test_an_empty_sequence_has_no_lifted_poses(weights):
    assert len(lift(_sequence(lengths=()), Lifter(weights, "cpu")).lifted) == 0
