"""Speed of a batch of many short clips: clips per second, overhead over the networks alone, and memory.

    python benchmarks/batch.py VIDEO... [--clips 48] [--frames 40] [--refine 0] [--ray]

The clips are cut from the given videos, 320 pixels wide. The workers' start of several seconds is not
counted: a rate is measured from when each worker has finished one clip. "network alone" is one process with
all cores that estimates the people in the same frames, decoded beforehand.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from skelstream.batch import BatchOptions, ClipFinished, Event
from skelstream.batch import run as run_batch
from skelstream.batch.manifest import Clip, read_manifest
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.extraction.settings import ExtractionSettings
from skelstream.settings import EstimatorSettings
from skelstream.video import VideoWriter, open_source

_WIDTH = 320


def cut(videos: list[str], folder: Path, clips: int, frames: int) -> None:
    """Write clips with this number of frames, from each video in turn."""
    images = [list(_small(video, frames + clips)) for video in videos]
    for number in range(clips):
        source = images[number % len(images)]
        first = (number // len(images) * 7) % max(1, len(source) - frames)
        height, width = source[0].shape[:2]
        with VideoWriter(folder / f"{number:05}.mp4", height, width, fps=25) as writer:
            for i, image in enumerate(source[first : first + frames]):
                writer.write(image, i / 25)


def _small(video: str, count: int) -> Iterator[np.ndarray]:
    with open_source(video) as source:
        for frame in islice(source, count):
            if frame.image is not None:
                height, width = frame.image.shape[:2]
                yield cv2.resize(frame.image, (_WIDTH, round(_WIDTH * height / width / 2) * 2))


def network_alone(settings: EstimatorSettings, clips: list[Clip]) -> float:
    """Return the frames per second of the networks alone."""
    estimator = PoseEstimator(settings)
    images = []
    for clip in clips[:8]:
        with open_source(clip.path) as source:
            images += [frame.image for frame in source if frame.image is not None]
    estimator.people(images[:4])
    start = time.perf_counter()
    for image in images:
        estimator.people([image])
    return len(images) / (time.perf_counter() - start)


def steady(events: Iterator[Event], workers: int) -> tuple[float, float]:
    """Return clips and frames per second, from when each worker has finished one clip."""
    times, frames = [], []
    for event in events:
        if isinstance(event, ClipFinished):
            assert event.record is not None and event.record.frames, event.record
            times.append(time.perf_counter())
            frames.append(event.record.frames)
    first = 2 * workers
    span = times[-1] - times[first - 1]
    return (len(times) - first) / span, sum(frames[first:]) / span


def peak_child_memory() -> float:
    """Return the memory of the largest child process that has ended, in MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", nargs="+")
    parser.add_argument("--clips", type=int, default=48)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--refine", default="auto", help="people to refine per frame; 0: detection alone")
    parser.add_argument("--ray", action="store_true", help="measure Ray too")
    given = parser.parse_args()
    settings = ExtractionSettings().with_options(device="cpu", refine=given.refine)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "clips"
        folder.mkdir()
        cut(given.videos, folder, given.clips, given.frames)
        clips = read_manifest(folder)
        alone = network_alone(settings.estimator, clips)
        print(f"network alone        {alone:6.1f} frames/s")
        for engine, workers in (("local", 1), ("local", 2), *([("ray", 1)] if given.ray else [])):
            options = BatchOptions(engine=engine, workers=workers)
            events = run_batch(folder, Path(name) / f"{engine}{workers}", settings, options)
            rate, frames = steady(events, workers)
            overhead = 1000 * (1 / rate - given.frames / alone)
            print(
                f"{engine:6} {workers} {'worker ' if workers == 1 else 'workers'}     {frames:6.1f} frames/s"
                f"  {rate:5.2f} clips/s  {frames / alone:4.0%} of the network alone"
                f"  {overhead:6.0f} ms per clip over it  {peak_child_memory():5.0f} MB"
            )


if __name__ == "__main__":
    main()
