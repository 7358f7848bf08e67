"""A file with hands and faces goes through every command that takes skeletons."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.formats import load, save
from skelstream.people import People
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import SKELETONS
from skelstream.tracking.tracked import TrackedPeople


@pytest.fixture(params=["body+hands+face", "coco-wholebody133"])
def skeletons(request, tmp_path):
    """Twelve frames of two people who stand; the left hand of the first is missing in frame 3."""
    skeleton, rng = SKELETONS[request.param], np.random.default_rng(0)
    base = rng.uniform(20, 120, (2, len(skeleton), 2)) + [[[0, 0]], [[150, 0]]]
    builder = SequenceBuilder(skeleton, source="sign.mp4", height=240, width=320)
    for t in range(12):
        keypoints = (base + t / 4).astype(np.float32)
        scores = np.full(keypoints.shape[:2], 0.75, np.float32)
        if t == 3:
            hand = list(skeleton.parts["left_hand"])
            keypoints[0, hand], scores[0, hand] = np.nan, 0
        boxes = np.concatenate([np.nanmin(keypoints, 1), np.nanmax(keypoints, 1)], 1)
        people = People(keypoints, scores, np.full(2, 0.75, np.float32), boxes)
        builder.add(TrackedPeople(t, t / 25, people, np.array([1, 2], np.int32), np.ones(2, bool)))
    save(builder.finish(), tmp_path / "a.npz")
    return tmp_path / "a.npz"


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("convert --smooth --fill 0.2 --fps 30", "b.npz"),
        ("track", "b.npz"),
        ("edit --swap 1,2@5", "b.npz"),
        ("lift", "b.npz"),
        ("render --skeleton-only", "b.mp4"),
        ("view --skeleton-only", "b.html"),
    ],
)
def test_stages(skeletons, tmp_path, command, output):
    name, *options = command.split()
    result = CliRunner().invoke(app, [name, str(skeletons), *options, "-o", str(tmp_path / output)])
    assert result.exit_code == 0, result.output
    if output.endswith(".npz"):
        before, after = load(skeletons), load(tmp_path / output)
        assert after.skeleton == before.skeleton and len(after) == 2
        hand = list(after.skeleton.parts["left_hand"])
        if "--fill" in options:
            assert np.isfinite(after.keypoints[:, hand]).all()
        elif name != "edit":
            np.testing.assert_array_equal(after[0].keypoints, before[0].keypoints)
    else:
        assert (tmp_path / output).stat().st_size > 1000


def test_windows(skeletons):
    sequence = load(skeletons)
    (window,) = sequence.windows(length=12, stride=12)
    assert window.clip.shape == (2, 12, len(sequence.skeleton), 3)
