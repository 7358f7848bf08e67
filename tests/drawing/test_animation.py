from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

from skelstream.drawing.animation import AnimationWriter
from skelstream.errors import OutputError


def picture(value, height=60, width=80):
    image = np.full((height, width, 3), 30, np.uint8)
    image[:, : width // 2] = value
    return image


def write(path, times, rate=100.0):
    with AnimationWriter(path, rate) as writer:
        for i, time in enumerate(times):
            writer.write(picture((200, 10 * i % 256, 40)), time)


def read(path):
    """Images, and seconds from the first to each."""
    if path.suffix == ".webp":  # which FFmpeg writes but does not read
        if not hasattr(cv2, "imreadanimation"):
            pytest.skip("this OpenCV does not read animations")
        _, animation = cv2.imreadanimation(str(path))
        times = np.cumsum([0, *animation.durations[:-1]]) / 1000
        return [frame[..., 2::-1] for frame in animation.frames], times
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [f.to_ndarray(format="rgb24") for f in frames], np.array([f.time - frames[0].time for f in frames])


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_images_keep_their_own_times(tmp_path, suffix):
    times = [3.0, 3.1, 3.15, 3.5, 3.6]
    path = tmp_path / f"a{suffix}"
    write(path, times)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    images, seen = read(path)
    assert len(images) == 5 and images[0].shape == (60, 80, 3)
    np.testing.assert_allclose(seen, np.array(times) - times[0], atol=0.006)
    for i, image in enumerate(images):
        np.testing.assert_allclose(image[30, 10], (200, 10 * i, 40), atol=12)
        np.testing.assert_allclose(image[30, 70], 30, atol=12)


def test_images_that_come_too_often_are_left_out(tmp_path):
    write(tmp_path / "a.gif", np.arange(60) / 60, rate=10)
    times = read(tmp_path / "a.gif")[1]
    assert len(times) == 10
    np.testing.assert_allclose(np.diff(times), 0.1, atol=0.02)


def test_a_failure_leaves_the_old_file_and_no_trace(tmp_path):
    path = tmp_path / "a.gif"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), AnimationWriter(path) as writer:
        writer.write(picture(1), 0)
        raise RuntimeError
    with pytest.raises(OutputError, match="no image"), AnimationWriter(path):
        pass
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_endings_and_folders_are_checked(tmp_path):
    with pytest.raises(OutputError, match="gif"):
        AnimationWriter(tmp_path / "a.png")
    with pytest.raises(OutputError, match="folder"), AnimationWriter(tmp_path / "none" / "a.gif"):
        pass
