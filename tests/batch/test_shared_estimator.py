from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from skelstream.batch.job import Job
from skelstream.batch.manifest import read_manifest
from skelstream.batch.results import Results
from skelstream.batch.shared_estimator import SharedBatches, SharedEstimator
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.extraction.settings import ExtractionSettings
from skelstream.runtimes.torch import TorchRuntime
from skelstream.video import VideoWriter


def image(value: int, width: int = 2) -> np.ndarray:
    return np.full((2, width), value)


class Network:
    """A stand-in network that returns each image's first pixel; its first batch waits for ``release``."""

    def __init__(self, error_at: int | None = None, error: type[BaseException] = RuntimeError):
        self.batches: list[list[int]] = []
        self.release = threading.Event()
        self._error_at, self._error = error_at, error

    def __call__(self, images):
        assert len({one.shape for one in images}) == 1
        values = [int(one[0, 0]) for one in images]
        self.batches.append(values)
        assert len(self.batches) > 1 or self.release.wait(30)
        if self._error_at in values:
            raise self._error(f"no {self._error_at}")
        return values


def call_while_busy(network: Network, batches: SharedBatches, *more: list[np.ndarray]):
    """Return the futures of calls made, in this order, while the network runs the first one, image 1."""
    with ThreadPoolExecutor(1 + len(more)) as threads:
        futures = [threads.submit(batches, [image(1)])]
        for count, images in enumerate(more):
            waiting = sum(map(len, more[:count]))
            wait_until(lambda n=waiting: len(network.batches) == 1 and len(batches._waiting) == n)
            futures.append(threads.submit(batches, images))
        wait_until(lambda: len(batches._waiting) == sum(map(len, more)))
        network.release.set()
    return futures


def wait_until(true) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.001)


def test_callers_share_a_batch_and_get_their_own_results_in_order():
    network = Network()
    batches = SharedBatches(network, 4)
    futures = call_while_busy(network, batches, [image(2)] * 3, [image(n) for n in (3, 4, 5, 6, 7)])
    assert [one.result() for one in futures] == [[1], [2, 2, 2], [3, 4, 5, 6, 7]]
    assert network.batches == [[1, 0, 0, 0], [2, 2, 2, 3], [4, 5, 6, 7]]


def test_images_of_another_shape_wait_for_another_batch():
    network = Network()
    batches = SharedBatches(network, 3)
    futures = call_while_busy(network, batches, [image(2)], [image(3, width=5)], [image(4)])
    assert [one.result() for one in futures] == [[1], [2], [3], [4]]
    assert network.batches == [[1, 0, 0], [2, 4, 0], [3, 0, 0]]


def test_an_error_reaches_the_caller_that_caused_it():
    network = Network(error_at=3)
    batches = SharedBatches(network, 4)
    futures = call_while_busy(network, batches, [image(2)], [image(3)], [image(4)])
    assert [one.result() for one in futures if one is not futures[2]] == [[1], [2], [4]]
    with pytest.raises(RuntimeError, match="no 3"):
        futures[2].result()
    assert batches([image(5)]) == [5]


def test_an_interrupted_caller_does_not_affect_the_others():
    network = Network(error_at=1, error=KeyboardInterrupt)
    batches = SharedBatches(network, 4)
    futures = call_while_busy(network, batches, [image(2)], [image(3)])
    with pytest.raises(KeyboardInterrupt):
        futures[0].result()
    assert [one.result() for one in futures[1:]] == [[2], [3]]
    assert not batches._waiting and batches([image(5)]) == [5]


def test_no_images_give_no_results():
    assert SharedBatches(Network(), 4)([]) == []


@pytest.fixture
def in_batches_of_four(monkeypatch):
    """Make Torch's runtime run full batches on a CPU, as on a GPU."""

    @torch.inference_mode()
    def outputs(self, images):
        assert len(images) == 4
        found = self._network(torch.from_numpy(images).permute(0, 3, 1, 2).to(self._dtype))
        return (found,) if isinstance(found, torch.Tensor) else found

    original = TorchRuntime.__init__

    def make(self, *arguments):
        original(self, *arguments)
        self.batch = 4

    monkeypatch.setattr(TorchRuntime, "outputs", outputs)
    monkeypatch.setattr(TorchRuntime, "__init__", make)


@pytest.mark.slow
@pytest.mark.usefixtures("in_batches_of_four")
def test_clips_extracted_together_have_the_bytes_of_clips_extracted_alone(tmp_path, mannequins):
    videos = tmp_path / "videos"
    videos.mkdir()
    for number, (photo, _) in enumerate(mannequins.photos(5, seed=2)):
        with VideoWriter(videos / f"{number}.mp4", 240, 320, fps=10) as writer:
            for i in range(3 + 2 * number):
                left = 4 * i if number else 80
                writer.write(photo[60:300, left : left + 320], i / 10)
    clips = read_manifest(videos)
    settings = ExtractionSettings().with_options(device="cpu", size=160, runtime="torch")
    estimator = SharedEstimator(PoseEstimator(settings.estimator))
    people = 0
    for threads_count in (1, 5):
        job = Job.of(Results(tmp_path / str(threads_count)), settings)
        with ThreadPoolExecutor(threads_count) as threads:
            records = list(threads.map(lambda clip, job=job: job.extract(clip, estimator), clips))
        people = sum(record.people for record in records)
    assert people > 20
    for clip in clips:
        alone, together = ((tmp_path / count / f"{clip.id}.npz").read_bytes() for count in "15")
        assert alone == together
