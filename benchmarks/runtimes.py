"""Time of the network under each runtime, and of each stage of detection, with the protocol printed.

    python benchmarks/runtimes.py PICTURE_OR_FOLDER [--weights NAME_OR_FILE] [--size 416] [--rounds 20]

Runtimes alternate image by image, so that other load on the machine affects all of them alike.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch

from skelstream.errors import SkelstreamError
from skelstream.geometry.letterbox import letterboxed
from skelstream.grouping.assembly import assemble
from skelstream.grouping.candidates import find_candidates
from skelstream.network.model_file import find_model, read_header
from skelstream.network.weights import load_network
from skelstream.runtimes.registry import choose_runtime
from skelstream.runtimes.runtime import Runtime

CHOICES = [
    ("torch", "float32"),
    ("torch", "bfloat16"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
    ("openvino", "int8"),
]
STAGES = ("resize", "network", "candidates", "assemble")


@contextmanager
def timed(spent: list[float]) -> Iterator[None]:
    """Append the block's milliseconds to a list."""
    start = time.perf_counter()
    yield
    spent.append(1000 * (time.perf_counter() - start))


def read_images(path: Path, limit: int) -> list[np.ndarray]:
    """Return the image of a file or the first images of a folder, uint8 RGB."""
    files = sorted(path.iterdir())[:limit] if path.is_dir() else [path]
    images = [cv2.imread(str(file)) for file in files]
    return [cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) for picture in images if picture is not None]


def start_runtimes(weights: str | None) -> dict[str, Runtime]:
    """Return all working runtimes by name, and print why others do not work."""
    runtimes, file = {}, read_header(find_model(weights))
    for name, precision in CHOICES:
        spent: list[float] = []
        try:
            with timed(spent):
                runtime = choose_runtime(load_network(file), "cpu", name, precision)
        except SkelstreamError as error:
            print(f"{name} {precision}: left out, {error}")
            continue
        runtimes[runtime.name] = runtime
        print(f"{runtime.name}: ready after {spent[0] / 1000:.1f} s")
    return runtimes


def compare(runtimes: dict[str, Runtime], inputs: list[np.ndarray], rounds: int) -> None:
    """Print the network's time for each runtime, and its maps' largest difference from the first one's."""
    times: dict[str, list[float]] = {name: [] for name in runtimes}
    for image in inputs:
        for runtime in runtimes.values():
            runtime.maps(image[None])  # the first run of a size prepares it
    for number in range(rounds):
        for name, runtime in runtimes.items():
            with timed(times[name]):
                runtime.maps(inputs[number % len(inputs)][None])
    exact = [next(iter(runtimes.values())).maps(image[None]) for image in inputs]
    print(
        "\n| runtime | ms per image, median | least | largest difference from the first, confidence | PAFs |"
    )
    print("|---|--:|--:|--:|--:|")
    for name, runtime in runtimes.items():
        maps = [runtime.maps(image[None]) for image in inputs]
        differences = [
            max(
                float((getattr(a, kind).float() - getattr(b, kind)).abs().max())
                for a, b in zip(maps, exact, strict=True)
            )
            for kind in ("confidence", "pafs")
        ]
        print(
            f"| {name} | {np.median(times[name]):.1f} | {min(times[name]):.1f}"
            f" | {differences[0]:.4f} | {differences[1]:.4f} |"
        )


def print_stages(runtime: Runtime, images: list[np.ndarray], size: int, rounds: int) -> None:
    """Print the time of each stage of detection."""
    times: dict[str, list[float]] = {stage: [] for stage in STAGES}
    people = 0
    for number in range(rounds):
        picture = images[number % len(images)]
        with timed(times["resize"]):
            image, letterbox = letterboxed(picture, size, runtime.size_divisor)
        with timed(times["network"]):
            maps = runtime.maps(image[None])
        with timed(times["candidates"]):
            (found,) = find_candidates(maps, runtime.skeleton)
        with timed(times["assemble"]):
            people += len(assemble(found, runtime.skeleton, letterbox=letterbox))
    total = sum(np.median(spent) for spent in times.values())
    print(
        f"\n{runtime.name}: {people / rounds:.1f} people per image\n\n"
        "| stage | ms, median | share |\n|---|--:|--:|"
    )
    for stage, spent in times.items():
        print(f"| {stage} | {np.median(spent):.2f} | {100 * np.median(spent) / total:.0f} % |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", type=Path)
    parser.add_argument("--weights")
    parser.add_argument("--size", type=int, default=416)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--limit", type=int, default=8, help="images of the folder")
    options = parser.parse_args()
    images = read_images(options.images, options.limit)
    if not images:
        parser.error(f"{options.images}: contains no image")
    file = read_header(find_model(options.weights))
    print(
        f"protocol: {len(images)} images, long side {options.size}, batch 1, one scale, no flip,"
        f" {options.rounds} rounds; weights {file.path.name}, SHA-256 {file.sha256()[:12]};"
        f" {platform.processor() or platform.machine()},"
        f" {torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    runtimes = start_runtimes(options.weights)
    inputs = [
        letterboxed(picture, options.size, next(iter(runtimes.values())).size_divisor)[0]
        for picture in images
    ]
    compare(runtimes, inputs, options.rounds)
    print_stages(list(runtimes.values())[-1], images, options.size, options.rounds)


if __name__ == "__main__":
    main()
