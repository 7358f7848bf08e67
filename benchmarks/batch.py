"""How fast many short clips go through a batch: clips a second, overhead over the network alone, memory.

    python benchmarks/batch.py VIDEO... [--clips 48] [--frames 40] [--looks 0] [--ray]

The clips are cut from the videos given, 320 pixels wide. The start of the workers, which is seconds whatever the number of clips, does
not count: a rate is that of the clips after each worker's first. The network alone is one process that looks at
the same frames, decoded beforehand, with all cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from skelstream.batch.engines.local import run_local
from skelstream.batch.engines.ray import run_ray
from skelstream.batch.engines.slots import places
from skelstream.batch.job import Job, JobSettings
from skelstream.batch.manifest import Clip, read_manifest
from skelstream.batch.plan import make_plan
from skelstream.batch.records import Record
from skelstream.batch.results import Results
from skelstream.estimation.pose_estimator import EstimatorSettings, PoseEstimator
from skelstream.refinement.refiner import RefinerSettings
from skelstream.video import VideoWriter, open_source

_WIDTH = 320


def cut(videos: list[str], folder: Path, clips: int, frames: int) -> None:
    """Writes clips of so many frames, from each of the videos in turn."""
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
    """Frames a second of the networks, with nothing else to do."""
    estimator = PoseEstimator(settings)
    images = []
    for clip in clips[:8]:
        with open_source(clip.path) as source:
            images += [frame.image for frame in source if frame.image is not None]
    estimator.people(images[:4])
    began = time.perf_counter()
    for image in images:
        estimator.people([image])
    return len(images) / (time.perf_counter() - began)


def steady(news: Iterator[tuple[Clip, Record | None]], workers: int) -> tuple[float, float]:
    """Clips and frames a second, from when each worker has had one clip through."""
    times, frames = [], []
    for _, record in news:
        assert record is not None and record.frames, record
        times.append(time.perf_counter())
        frames.append(record.frames)
    first = 2 * workers
    span = times[-1] - times[first - 1]
    return (len(times) - first) / span, sum(frames[first:]) / span


def most_memory() -> float:
    """MB of the largest process that this one has started and that has ended."""
    import resource

    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", nargs="+")
    parser.add_argument("--clips", type=int, default=48)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--looks", type=int, default=None, help="0 for one look")
    parser.add_argument("--ray", action="store_true", help="with Ray, too")
    options = parser.parse_args()
    second = None if options.looks == 0 else RefinerSettings(looks=options.looks)
    settings = JobSettings(EstimatorSettings(device="cpu", second=second))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "clips"
        folder.mkdir()
        cut(options.videos, folder, options.clips, options.frames)
        clips = read_manifest(folder)
        alone = network_alone(settings.estimator, clips)
        print(f"network alone        {alone:6.1f} frames/s")
        for engine, workers in (("local", 1), ("local", 2), *([("ray", 1)] if options.ray else [])):
            job = Job.of(Results(Path(name) / f"{engine}{workers}"), settings)
            job.results.prepare(clips, settings.as_json(), redo=False)
            plan = make_plan(clips, job.results, job.hash)
            if engine == "ray":
                news = run_ray(plan, job, workers, None, lambda _: None)
            else:
                news = run_local(plan, job, places(workers, "cpu"))
            with closing(news):
                rate, frames = steady(news, workers)
            overhead = 1000 * (1 / rate - options.frames / alone)
            print(
                f"{engine:6} {workers} {'worker ' if workers == 1 else 'workers'}     {frames:6.1f} frames/s  {rate:5.2f} clips/s"
                f"  {frames / alone:4.0%} of the network alone  {overhead:6.0f} ms a clip over it  {most_memory():5.0f} MB"
            )


if __name__ == "__main__":
    main()
