from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from skelstream.grouping.candidates import Candidates
from skelstream.skeleton import COCO17, OPENPOSE18

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "grouping_oracle.py"


@pytest.fixture
def oracle(monkeypatch):
    spec = importlib.util.spec_from_file_location("grouping_oracle", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_twice_the_least_width_at_stride_8_is_the_same_in_cells(oracle):
    rng = np.random.default_rng(0)
    truth, roots = rng.uniform(0, 200, (3, 18, 2)), np.array([30.0, 90.0, 400.0])
    for half, whole in ((0.5, 1.0), (1.0, 2.0)):
        small, large = (oracle.Scene(truth, roots, np.ones(2), np.full(2, f)) for f in (half, whole))
        fine = small.drawn(OPENPOSE18, (50, 60), 4, 2.0)
        coarse = large.drawn(OPENPOSE18, (50, 60), 8, 4.0)
        np.testing.assert_allclose(fine.confidence, coarse.confidence, atol=1e-6)
        np.testing.assert_allclose(fine.pafs, coarse.pafs, atol=1e-6)
        assert not np.allclose(coarse.confidence, large.drawn(OPENPOSE18, (50, 60), 8).confidence)


def test_a_lost_limb_is_missing_for_that_person_only(oracle):
    truth = np.random.default_rng(1).uniform(0, 150, (2, 18, 2))
    scene = oracle.Scene(truth, np.array([80.0, 80.0]), np.ones(2), np.ones(2))
    lost = np.zeros((19, 2), bool)
    lost[3, 0] = True
    only = oracle.Scene(truth[1:], scene.roots[1:], scene.inside, scene.factor)
    all_of_it, without, other = (
        s.drawn(OPENPOSE18, (40, 40), 4, lost=gone).pafs[0].numpy()
        for s, gone in ((scene, False), (scene, lost), (only, False))
    )
    np.testing.assert_array_equal(without[6:8], other[6:8])
    kept = [c for c in range(38) if c not in (6, 7)]
    np.testing.assert_array_equal(without[kept], all_of_it[kept])
    assert not np.array_equal(without[6:8], all_of_it[6:8])


def test_optimal_matching_gives_up_the_best_limb_for_a_better_total(oracle):
    candidates = Candidates(
        peaks=np.zeros((4, 2), np.float32),
        peak_scores=np.ones(4, np.float32),
        joints=np.int32([1, 1, 2, 2]),
        limbs=np.int32([[0, 0, 2], [0, 0, 3], [0, 1, 2], [0, 1, 3]]),
        limb_scores=np.float32([0.9, 0.8, 0.8, 0.1]),
        stride=4,
    )
    chosen = oracle.optimal_matching(candidates)
    assert chosen.limbs.tolist() == [[0, 0, 3], [0, 1, 2]]
    assert chosen.limb_scores.tolist() == pytest.approx([0.8, 0.8])


def test_further_limbs_join_a_person_without_a_neck(oracle, tmp_path, monkeypatch, capsys):
    pose = np.zeros((17, 3), int)
    xs = [60, 63, 57, 67, 53, 75, 45, 82, 38, 85, 35, 70, 50, 72, 48, 73, 47]
    ys = [20, 17, 17, 20, 20, 40, 40, 65, 65, 90, 90, 95, 95, 130, 130, 165, 165]
    pose[:] = np.stack([xs, ys, np.full(17, 2)], 1)
    pose[5] = 0  # no left shoulder
    person = {"image_id": 7, "category_id": 1, "iscrowd": 0, "area": 5000.0, "bbox": [30, 10, 60, 160]}
    rows = [{**person, "id": 1, "keypoints": pose.ravel().tolist(), "num_keypoints": 16}]
    names = {"id": 1, "name": "person", "keypoints": list(COCO17.joints)}
    images = [{"id": 7, "file_name": "a.jpg", "width": 120, "height": 180}]
    path = tmp_path / "people.json"
    path.write_text(json.dumps({"images": images, "annotations": rows, "categories": [names]}))
    monkeypatch.setattr(sys, "argv", ["grouping_oracle.py", str(path), "--limbs", "--lose", "0"])
    oracle.main()
    table = {line[:32].strip(): line[32:].split() for line in capsys.readouterr().out.splitlines()[3:]}
    # Head and right arm are 8 of the 16 joints: right at the lowest of ten thresholds alone.
    assert table["OpenPose's"] == ["19", "1", "10.00", "10.00"]
    # The legs join; the left forearm, which has no shoulder, does not.
    assert table["+ hip-hip, shoulder-hip"] == ["22", "1", "80.00", "80.00"]
    assert table["+ both, elbow-hip, knee-knee"] == ["25", "0", "100.00", "100.00"]
    monkeypatch.setattr(oracle.difference, "__defaults__", (20,))  # draws
    options = ["--strides", "8", "--least-sigma", "4", "--least-people", "1", "--long-side", "640"]
    monkeypatch.setattr(sys, "argv", ["grouping_oracle.py", str(path), *options])
    oracle.main()
    out = capsys.readouterr().out
    assert "1 images, 1 people" in out and "optimal - greedy: +0.00 AP (+0.00 to +0.00)" in out
