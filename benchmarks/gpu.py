"""Detection and refinement on a GPU: agreement with the CPU, and speed by batch, people and precision.

    python benchmarks/gpu.py FOLDER [--weights NAME_OR_FILE] [--size 416] [--limit 24] [--seconds 1.0]

Ends at once without CUDA. One run prints all figures.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.people import People
from skelstream.settings import EstimatorSettings
from skelstream.settings.models import DETECTOR

BATCHES = (1, 16)
PEOPLE = (1, 2, 5, 10, 32)
MAX_DISTANCE = 2.0  # pixels


def read_images(folder: Path, limit: int) -> list[np.ndarray]:
    """Return the first images of a folder, uint8 RGB."""
    images = (cv2.imread(str(path)) for path in sorted(folder.iterdir())[:limit])
    return [cv2.cvtColor(image, cv2.COLOR_BGR2RGB) for image in images if image is not None]


def agreement(expected: list[People], found: list[People]) -> str:
    """Return how many expected people are found and at which distance, as text."""
    same, distances, total = 0, [], 0
    for a, b in zip(expected, found, strict=True):
        same += len(a) == len(b)
        for one in a.keypoints:
            total += 1
            offsets = [float(np.nanmean(np.linalg.norm(one - other, axis=1))) for other in b.keypoints]
            distances += [min(offsets)] if offsets and min(offsets) < MAX_DISTANCE else []
    mean = np.mean(distances) if distances else float("nan")
    return (
        f"{len(distances)} of {total} people within {MAX_DISTANCE:g} px, mean distance {mean:.3f} px;"
        f" {same} of {len(expected)} images with equal numbers of people"
    )


def rate(work: Callable[[], object], frames: int, seconds: float) -> float:
    """Return the frames per second of a function that processes ``frames`` frames per call."""
    for _ in range(5):
        work()
    torch.cuda.synchronize()
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        work()
        done += frames
    torch.cuda.synchronize()
    return done / (time.perf_counter() - start)


def measure(estimator: PoseEstimator, image: np.ndarray, batch: int, seconds: float) -> str:
    """Return the frames per second of detection with a batch size, as text."""
    network_input, letterbox = estimator.prepare(image)
    inputs = [network_input] * batch
    stacked = np.stack(inputs)
    network = rate(lambda: estimator.runtime.maps(stacked), batch, seconds)
    with_candidates = rate(lambda: estimator.infer(inputs), batch, seconds)
    candidates, *_ = estimator.infer(inputs)
    grouping = rate(lambda: estimator.group(candidates, letterbox), 1, seconds / 2)
    gigabytes = torch.cuda.max_memory_allocated() / 1e9
    return (
        f"batch {batch:2d}: network {network:.0f} frames/s, with peaks and limbs {with_candidates:.0f},"
        f" grouping alone {grouping:.0f}, {gigabytes:.2f} GB"
    )


def measure_refinement(estimator: PoseEstimator, image: np.ndarray, seconds: float) -> str:
    """Return the frames per second of refinement by number of people, and of the whole estimator, as text."""
    refinement = estimator.refinement()
    assert refinement is not None
    height, width = image.shape[:2]
    parts = []
    for count in PEOPLE:
        left = np.linspace(0, 0.8 * width, count)
        boxes = np.stack(
            [left, np.full(count, 0.2 * height), left + 0.15 * width, np.full(count, 0.9 * height)], 1
        )
        refined = rate(lambda boxes=boxes: refinement.refiner.joints(image, boxes), 1, seconds / 2)
        parts.append(f"{count}: {refined:.0f}")
    together = rate(lambda: estimator.people([image]), 1, seconds)
    found = len(estimator.people([image])[0])
    return f"refinement, frames/s by people: {', '.join(parts)}; detection and {found} people: {together:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", default=DETECTOR)
    parser.add_argument("--size", type=int, default=416)
    parser.add_argument("--limit", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device found")
    images = read_images(options.folder, options.limit)
    if not images:
        raise SystemExit(f"{options.folder}: no images")
    print(
        f"{torch.cuda.get_device_name()}, torch {torch.__version__},"
        f" {len(images)} images at {options.size} px"
    )
    settings = EstimatorSettings().with_options(weights=options.weights, size=options.size)
    expected = PoseEstimator(settings.with_options(device="cpu", runtime="torch")).people(images)
    frame = cv2.resize(images[0], (1280, 720))
    for precision in ("float16", "float32"):
        estimator = PoseEstimator(settings.with_options(device="cuda", precision=precision))
        print(f"{precision}: {agreement(expected, estimator.people(images))}", flush=True)
        print(f"  {measure_refinement(estimator, frame, options.seconds)}", flush=True)
        for batch in BATCHES:
            print(f"  {measure(estimator, frame, batch, options.seconds)}", flush=True)


if __name__ == "__main__":
    main()
