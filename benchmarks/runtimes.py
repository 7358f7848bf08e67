"""How long the network takes under each runtime, and what an image's time is spent on, with the protocol printed.

    python benchmarks/runtimes.py PICTURE_OR_FOLDER [--weights NAME_OR_FILE] [--size 416] [--rounds 20]

Runtimes take turns, image by image, so that whatever else the machine does falls on all of them alike.
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
    """Adds the block's milliseconds to the list."""
    start = time.perf_counter()
    yield
    spent.append(1000 * (time.perf_counter() - start))


def read_images(path: Path, limit: int) -> list[np.ndarray]:
    files = sorted(path.iterdir())[:limit] if path.is_dir() else [path]
    images = [cv2.imread(str(file)) for file in files]
    return [cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) for picture in images if picture is not None]


def start_runtimes(weights: str | None) -> dict[str, Runtime]:
    """Every runtime that works here, by name; the others are named with the reason."""
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
    """Times of the network alone, and how far its maps are from torch's in float32."""
    times: dict[str, list[float]] = {name: [] for name in runtimes}
    for image in inputs:
        for runtime in runtimes.values():
            runtime.maps(image[None])  # the first run of a size prepares it
    for turn in range(rounds):
        for name, runtime in runtimes.items():
            with timed(times[name]):
                runtime.maps(inputs[turn % len(inputs)][None])
    exact = [next(iter(runtimes.values())).maps(image[None]) for image in inputs]
    print("\n| runtime | ms an image, median | least | furthest from the first, confidence | fields |")
    print("|---|--:|--:|--:|--:|")
    for name, runtime in runtimes.items():
        maps = [runtime.maps(image[None]) for image in inputs]
        apart = [
            max(
                float((getattr(a, kind).float() - getattr(b, kind)).abs().max())
                for a, b in zip(maps, exact, strict=True)
            )
            for kind in ("confidence", "pafs")
        ]
        print(
            f"| {name} | {np.median(times[name]):.1f} | {min(times[name]):.1f} | {apart[0]:.4f} | {apart[1]:.4f} |"
        )


def split(runtime: Runtime, images: list[np.ndarray], size: int, rounds: int) -> None:
    """What part of an image's time each stage takes."""
    times: dict[str, list[float]] = {stage: [] for stage in STAGES}
    people = 0
    for turn in range(rounds):
        picture = images[turn % len(images)]
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
        f"\n{runtime.name}: {people / rounds:.1f} people an image\n\n| stage | ms, median | of the whole |\n|---|--:|--:|"
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
        parser.error(f"{options.images}: no image there")
    file = read_header(find_model(options.weights))
    print(
        f"protocol: {len(images)} images, long side {options.size}, batch 1, one scale, no flip, {options.rounds} rounds;"
        f" weights {file.path.name}, SHA-256 {file.sha256()[:12]}; {platform.processor() or platform.machine()},"
        f" {torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    runtimes = start_runtimes(options.weights)
    inputs = [
        letterboxed(picture, options.size, next(iter(runtimes.values())).size_divisor)[0]
        for picture in images
    ]
    compare(runtimes, inputs, options.rounds)
    split(list(runtimes.values())[-1], images, options.size, options.rounds)


if __name__ == "__main__":
    main()
