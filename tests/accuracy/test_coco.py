"""Keypoint AP of the shipped networks, from images to figures, on a drawn set: a change that costs accuracy fails.

The figures were measured with this set; they say nothing of photographs (docs/reference/scores.md does). A change that gains
more than the tolerance raises the figure that stands here.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.estimation.views import TURNS
from skelstream.evaluation.annotations import CocoSet, load_annotations
from skelstream.evaluation.estimates import TurnedEstimator, estimate
from skelstream.evaluation.scoring import score
from skelstream.settings import EstimatorSettings
from skelstream.skeleton import COCO17

pytestmark = pytest.mark.slow

# Processors round differently: with bfloat16 where they have it, eight bits differ by 0.8 from float32 here.
TOLERANCE = 1.5

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed"
)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, mannequins) -> tuple[CocoSet, Path]:
    folder = tmp_path_factory.mktemp("drawn")
    return load_annotations(mannequins.write_set(folder, images=24, seed=1)), folder


def results(drawn: tuple[CocoSet, Path], **settings: object) -> list[dict]:
    estimator = PoseEstimator(EstimatorSettings().with_options(device="cpu", refine=0, **settings))
    return [row for found in estimate(estimator, *drawn) for row in found.results]


def check(drawn: tuple[CocoSet, Path], rows: list[dict], stored: float) -> None:
    found = score(drawn[0], rows).metrics["AP"]
    assert found > stored - TOLERANCE, f"AP {found:.1f}, it was {stored}"


def test_detection_in_float32(drawn):
    rows = results(drawn, runtime="torch", precision="float32")
    check(drawn, rows, 49.3)
    # The gate closes: joints a hundredth of the image's width away cost more than the tolerance.
    moved = [
        {**row, "keypoints": [v + 4.8 * (i % 3 == 0) for i, v in enumerate(row["keypoints"])]} for row in rows
    ]
    with pytest.raises(AssertionError, match="it was"):
        check(drawn, moved, 49.3)


@needs_openvino
def test_detection_in_eight_bits(drawn):
    check(drawn, results(drawn, runtime="openvino", precision="int8"), 50.1)


@needs_openvino
def test_refinement_by_the_command(drawn):
    """As a user runs it, options and all."""
    coco_set, folder = drawn
    command = [
        "eval",
        "--annotations",
        coco_set.path,
        "--images",
        folder,
        "--device",
        "cpu",
        "--bootstrap",
        "0",
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "skelstream", *map(str, command)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["metrics"]["AP"]
    assert found > 59.1 - TOLERANCE, f"AP {found:.1f}, it was 59.1"


@pytest.fixture(scope="module")
def figures_by_turn(drawn) -> dict[int, tuple[float, float]]:
    """AP, and the share of found people whose left and right joints are exchanged, by the turn of the images."""
    estimator = PoseEstimator(EstimatorSettings().with_options(device="cpu"))
    found = {}
    for turn in TURNS:
        rows = [row for one in estimate(TurnedEstimator(estimator, turn), *drawn) for row in one.results]
        found[turn] = score(drawn[0], rows).metrics["AP"], exchanged(drawn[0], rows)
    return found


def exchanged(coco_set: CocoSet, rows: list[dict]) -> float:
    """Return the share of people of score 0.3 whose joints are nearer to those of the other side."""
    right = wrong = 0
    for row in rows:
        joints = np.array(row["keypoints"]).reshape(17, 3)
        truth = coco_set.persons[row["image_id"]]
        away = [np.linalg.norm((joints - person.keypoints)[:, :2], axis=1).mean() for person in truth]
        if row["score"] < 0.3 or not away:
            continue
        person = truth[int(np.argmin(away))].keypoints
        other = np.linalg.norm((joints[list(COCO17.flip_order)] - person)[:, :2], axis=1).mean()
        right, wrong = right + (min(away) <= other), wrong + (min(away) > other)
    return wrong / max(right + wrong, 1)


@pytest.mark.parametrize("turn", TURNS[1:])
def test_turned_images_give_the_same_people(figures_by_turn, turn):
    upright, _ = figures_by_turn[0]
    found, _ = figures_by_turn[turn]
    assert found > 0.95 * upright, f"AP {found:.1f} at {turn} degrees, {upright:.1f} upright"


@pytest.mark.parametrize("turn", TURNS)
def test_left_and_right_stay_the_persons_own(figures_by_turn, turn):
    # Six of 72 in float32, up to ten in eight bits, which refinement has on CPUs without bfloat16.
    assert figures_by_turn[turn][1] < 0.2
