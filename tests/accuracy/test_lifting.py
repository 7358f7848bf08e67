"""What the packaged weights make of a walk that a formula gives: they saw no such body, and lift it all the same."""

import numpy as np
import pytest

from skelstream.processing.lifting.lifter import Lifter
from skelstream.training.lifting.keypoint_noise import KeypointErrors
from skelstream.training.lifting.measuring import measure
from skelstream.training.lifting.mocap import read_mocap

from ..training.lifting.test_lifting_training import _STANDING

THIGH, SHIN = 430, 410


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    phase = np.arange(120) / 60 * 2 * np.pi
    clip = np.zeros((120, 38, 3), np.int16)
    for joint, place in _STANDING.items():
        clip[:, joint] = place
    for hip, sign in ((2, 1), (8, -1)):
        swing, bend = 0.45 * sign * np.sin(phase), 0.35 * (1 + sign * np.cos(phase))
        knee = clip[:, hip] + THIGH * np.stack([0 * phase, -np.cos(swing), np.sin(swing)], 1)
        ankle = knee + SHIN * np.stack([0 * phase, -np.cos(swing - bend), np.sin(swing - bend)], 1)
        clip[:, hip + 1], clip[:, hip + 2] = knee, ankle
    path = tmp_path_factory.mktemp("mocap") / "walk.npz"
    np.savez(path, **{"train/walk/one": clip, "test/walk/one": clip})
    walk = read_mocap(path, "test")
    return measure(Lifter(device="cpu").network, walk, walk, KeypointErrors(), cameras=20)


def test_a_walk_is_lifted(figures):
    # Measured: 27.0, 49.8 and 35.4 mm.
    assert figures["clean PA-MPJPE"] < 31 and figures["noisy PA-MPJPE"] < 55
    assert figures["clean MPJPE"] < 41
