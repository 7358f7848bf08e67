"""A real clip in which a man turns over in the air, where it was fetched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import skelstream
from skelstream.geometry.orientation import orientation

pytestmark = pytest.mark.slow

CLIP = Path(__file__).parents[2] / "samples" / "clips" / "sports2d_demo.mp4"


def test_a_man_keeps_his_id_through_a_backflip():
    if not CLIP.exists():
        pytest.skip("the clip is not here: python samples/fetch_clips.py")
    sequence = skelstream.extract(CLIP, device="cpu")
    man, woman = sorted(sequence, key=lambda track: track.id)  # nobody else
    assert man.frame[0] == 0 and man.frame[-1] >= 225
    assert len(man.frame) >= 195 and len(woman.frame) >= 165
    turns, _ = orientation(man.keypoints, sequence.skeleton)
    assert np.abs(turns).max() > 90
