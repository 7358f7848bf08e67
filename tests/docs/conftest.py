"""The documentation as tests read it, and small files for its commands and snippets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import skelstream.extraction.extraction
from skelstream import SkeletonSequence
from skelstream.formats import save


@pytest.fixture
def here(walk, bars, tmp_path, monkeypatch):
    """The working directory: ``video.mp4`` of two people, and an estimator that knows them in place of the networks."""
    walk.rename(tmp_path / "video.mp4")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(skelstream.extraction.extraction, "PoseEstimator", lambda settings: bars())
    return tmp_path


@pytest.fixture
def people(here) -> SkeletonSequence:
    """The people of that video, with gaps, as ``skeletons.npz`` too."""
    found = skelstream.extract("video.mp4")
    keypoints, scores = found.keypoints.copy(), found.scores.copy()
    keypoints[3, 4], scores[3, 4] = np.nan, 0
    gapped = replace(found, keypoints=keypoints, scores=scores, observed=None)
    save(gapped, "skeletons.npz")
    return gapped
