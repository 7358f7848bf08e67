"""Time from a command to its first frame, with an empty cache, a warm one and none, and where it goes.

    python benchmarks/startup.py [CLIP] [--rounds 5]

Each figure is the least of several runs in new processes, since other load on the machine only adds. Processor time is
that of all threads.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from skelstream.files.cache import OFF, VARIABLE
from skelstream.video import VideoWriter

# What `skelstream extract` does until the first frame, in its order.
PROGRAM = """
import sys, time
import skelstream.cli, skelstream.cli.extract
step("command line")
from skelstream.lazy import importing
with importing():
    import torch
    step("torch")
    import skelstream.extraction.extraction
step("formats, video, stages")
from skelstream.cli.estimator import make_estimator
from skelstream.extraction.settings import ExtractionSettings
from skelstream.pipeline import Pipeline
settings = ExtractionSettings()
made = make_estimator(settings.estimator)
step("networks")
with Pipeline(sys.argv[1], made, settings) as pipeline:
    next(iter(pipeline))
    step("first frame")
"""
STEPS = """
def step(name):
    print(name, time.monotonic(), sum(resource.getrusage(resource.RUSAGE_SELF)[:2]), sep="|", flush=True)
import resource, time
step("Python")
"""


def write_clip(path: Path, frames: int = 5) -> None:
    """Write a video of some frames in grey, in which there is nobody."""
    with VideoWriter(path, 480, 640, fps=25, quality=5) as writer:
        for i in range(frames):
            writer.write(np.full((480, 640, 3), 100 + i, np.uint8), i / 25)


def command_seconds(clip: Path, cache: str) -> tuple[float, float]:
    """Return the wall and processor seconds of ``skelstream extract`` in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "skelstream", "extract", str(clip), "-o", f"{folder}/a.npz", "-q"]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, env=os.environ | {VARIABLE: cache})
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, sum(after[:2]) - sum(before[:2])


def step_seconds(clip: Path, cache: str) -> dict[str, tuple[float, float]]:
    """Return the wall and processor seconds of each step until the first frame, in a new process."""
    start, cpu = time.monotonic(), 0.0
    done = subprocess.run(
        [sys.executable, "-c", STEPS + PROGRAM, str(clip)],
        check=True,
        env=os.environ | {VARIABLE: cache},
        stdout=subprocess.PIPE,
        text=True,
    )
    steps = {}
    for line in done.stdout.splitlines():
        name, at, spent = line.split("|")
        steps[name] = float(at) - start, float(spent) - cpu
        start, cpu = float(at), float(spent)
    return steps


def least(measured: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return the least wall time and the least processor time."""
    wall, cpu = zip(*measured, strict=True)
    return min(wall), min(cpu)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path, nargs="?", help="a video; default: five grey frames of 640 x 480")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(
        f"protocol: least of {options.rounds} runs; {platform.processor() or platform.machine()}, {cores} cores\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        clip = options.clip or Path(folder) / "grey.mp4"
        if options.clip is None:
            write_clip(clip)
        warm = f"{folder}/cache"
        rows = {
            "no cache": least(command_seconds(clip, OFF) for _ in range(options.rounds)),
            "empty cache": least(command_seconds(clip, f"{folder}/{i}") for i in range(options.rounds)),
        }
        command_seconds(clip, warm)
        rows["warm cache"] = least(command_seconds(clip, warm) for _ in range(options.rounds))
        runs = [step_seconds(clip, warm) for _ in range(options.rounds)]
    print_table("skelstream extract, whole command", rows)
    steps = {name: least(run[name] for run in runs) for name in runs[0]}
    totals = least((sum(w for w, _ in run.values()), sum(c for _, c in run.values())) for run in runs)
    print_table("until the first frame, warm cache", steps | {"all": totals})


def print_table(title: str, rows: dict[str, tuple[float, float]]) -> None:
    """Print a table of wall and processor times."""
    print(f"| {title} | s | processor s |\n|---|--:|--:|")
    for name, (wall, cpu) in rows.items():
        print(f"| {name} | {wall:.2f} | {cpu:.2f} |")
    print()


if __name__ == "__main__":
    main()
