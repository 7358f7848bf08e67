"""Clips in class folders, small enough for the real networks."""

from __future__ import annotations

import pytest

from skelstream.video import VideoWriter


@pytest.fixture
def tree(tmp_path, draw_bars):
    """videos/train/{run,walk}/001.mp4 and videos/val/run/001.mp4, of 4 frames each."""
    folder = tmp_path / "videos"
    for place in ("train/run", "train/walk", "val/run"):
        (folder / place).mkdir(parents=True)
        with VideoWriter(folder / place / "001.mp4", 64, 96, fps=10) as writer:
            for i in range(4):
                writer.write(draw_bars(20 + 5 * i)[:, :96], i / 10)
    return folder
