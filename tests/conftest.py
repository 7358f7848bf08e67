"""A stand-in for the network whose answer is known: bright vertical bars are people.

What stands round the network (order, threads, batches, times, partial results) is tested with it; the network itself is
tested with real weights where a test is about what it finds.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import hypothesis
import numpy as np
import pytest

from skelstream.estimation.protocol import Provenance
from skelstream.files.cache import VARIABLE
from skelstream.geometry.letterbox import Letterbox, letterboxed
from skelstream.people import People
from skelstream.skeleton import OPENPOSE18
from skelstream.video import VideoWriter

# Tests share the drawn scenes of benchmarks/street_scenes.py with the benchmarks.
sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

HEIGHT, WIDTH = 64, 160

# A shell that starts the tests in the background ignores Ctrl-C for them, and the tests of Ctrl-C would wait for ever.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("skelstream", deadline=None)
hypothesis.settings.load_profile("skelstream")


def pytest_configure(config: pytest.Config) -> None:
    """Give a run a cache of its own, which the processes of pytest-xdist share: the user's stays as it is."""
    if not hasattr(config, "workerinput"):  # workers inherit the variable
        os.environ[VARIABLE] = folder = tempfile.mkdtemp(prefix="skelstream-tests-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


class BarEstimator:
    """Finds a person in each bright bar: all joints along the bar's middle, score by brightness."""

    skeleton = OPENPOSE18
    provenance = Provenance("bars", "0" * 64, {"size": WIDTH})
    torch_threads = None
    orientations = 1
    parts = ()

    def __init__(self, batch: int = 1, fail_at: int | None = None):
        self.batch, self.batches, self.fail_at = batch, [], fail_at

    def refinement(self):
        return None

    def prepare(self, image: np.ndarray, turn: int = 0) -> tuple[np.ndarray, Letterbox]:
        return letterboxed(image, WIDTH, 32, turn)

    def infer(self, inputs):
        self.batches.append(len(inputs))
        if self.fail_at is not None and sum(self.batches) > self.fail_at:
            raise RuntimeError("the network broke")
        return [self._bars(image) for image in inputs]

    def _bars(self, image: np.ndarray) -> list[tuple[float, float]]:
        level = image[HEIGHT // 2, :, 0].astype(int)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], level > 160, [0]])))
        # The ground beside the image is grey and no bar.
        return [((a + b - 1) / 2, level[(a + b) // 2] / 255) for a, b in edges.reshape(-1, 2)]

    def group(self, views) -> People:
        ((candidates, letterbox),) = views
        y = np.linspace(8, HEIGHT - 8, len(OPENPOSE18))
        columns = [letterbox.to_image(np.array([x, 0.0]))[0] for x, _ in candidates]
        keypoints = np.array([[(x, v) for v in y] for x in columns], np.float32)
        score = np.array([s for _, s in candidates], np.float32)
        keypoints = keypoints.reshape(-1, len(OPENPOSE18), 2)
        boxes = np.array([[x - 9, 8, x + 9, HEIGHT - 8] for x, _ in candidates], np.float32).reshape(-1, 4)
        return People(keypoints, np.repeat(score[:, None], len(OPENPOSE18), 1), score, boxes)


def image_of(*bars: float, level: int = 240) -> np.ndarray:
    """uint8 RGB (64, 160, 3) with a bright bar about each x."""
    image = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    for x in bars:
        image[:, max(0, round(x) - 5) : round(x) + 6] = level
    return image


@pytest.fixture
def bars():
    """The class: ``bars(batch=..., fail_at=...)`` makes an estimator."""
    return BarEstimator


@pytest.fixture
def walk(tmp_path):
    """40 frames at 20 frames/s: one person walks right from the start, another left from frame 10 to 29."""
    path = tmp_path / "walk.mp4"
    with VideoWriter(path, HEIGHT, WIDTH, fps=20, quality=5) as writer:
        for i in range(40):
            second = [140 - i] if 10 <= i < 30 else []
            writer.write(image_of(15 + i, *second), i / 20)
    return path


@pytest.fixture
def draw_bars():
    return image_of


@pytest.fixture(scope="session")
def mannequins() -> ModuleType:
    """The module of drawn people that the real networks find."""
    path = Path(__file__).parent / "accuracy" / "mannequins.py"
    spec = importlib.util.spec_from_file_location("mannequins", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def shared_clips() -> Path:
    """Folder of real clips that are not part of the project; the test is skipped where they are missing."""
    beside = Path(__file__).parents[1] / ".." / "shared"
    folder = Path(os.environ.get("SKELSTREAM_DATA", beside)) / "video" / "clips"
    if not folder.is_dir():
        pytest.skip(f"no real clips in {folder}; set SKELSTREAM_DATA to the folder that has video/clips")
    return folder
