"""Time and memory of writing and reading each format, with the protocol printed.

python benchmarks/formats.py [--frames 10000] [--tracks 200] [--formats npz csv]
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from skelstream.formats import FORMATS, load, save
from skelstream.processing import filled, smoothed
from skelstream.sequences import SequenceBuilder, SkeletonSequence
from skelstream.skeleton import OPENPOSE18


def synthetic(frames: int, tracks: int, seed: int = 0) -> SkeletonSequence:
    """Return tracks of 2 to 10 % of the video's length at random times, with 10 % of their joints missing."""
    random = np.random.default_rng(seed)
    lengths = random.integers(max(frames // 50, 1), max(frames // 10, 2), tracks)
    frame = np.concatenate([random.integers(0, frames - n + 1) + np.arange(n) for n in lengths])
    rows, joints = len(frame), len(OPENPOSE18)
    keypoints = random.uniform(0, 1080, (rows, joints, 2)).astype(np.float32)
    scores = random.uniform(0.1, 1, (rows, joints)).astype(np.float32)
    missing = random.random((rows, joints)) < 0.1
    keypoints[missing], scores[missing] = np.nan, 0
    meta = SequenceBuilder(OPENPOSE18, source="synthetic.mp4", height=1080, width=1920).finish().meta
    return SkeletonSequence(
        keypoints=keypoints, scores=scores, boxes=np.tile(np.float32([0, 0, 100, 200]), (rows, 1)),
        person_scores=random.uniform(0.3, 1, rows).astype(np.float32), frame=frame,
        track_ids=np.arange(1, tracks + 1), track_start=np.concatenate([[0], np.cumsum(lengths)]),
        frame_index=np.arange(frames), frame_time=np.arange(frames) / 30, frame_ok=np.ones(frames, bool),
        meta={**meta, "fps": 30.0},
    )  # fmt: skip


def size_on_disk(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(f.stat().st_size for f in path.rglob("*")) if path.is_dir() else path.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--tracks", type=int, default=200)
    written = [name for name, format in FORMATS.items() if format.write]
    parser.add_argument("--formats", nargs="+", choices=written, default=written)
    options = parser.parse_args()
    sequence = synthetic(options.frames, options.tracks)
    data = sequence.keypoints.nbytes + sequence.scores.nbytes
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        f"{sequence.frames} frames, {len(sequence)} tracks, {len(sequence.frame)} rows:"
        f" {data / 1e6:.1f} MB of keypoints and scores"
    )
    print("wall-clock seconds of one run; memory: peak allocation while writing, in multiples of that size")
    print(f"{'format':12}{'write':>8}{'read':>8}{'memory':>8}{'on disk':>12}")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.formats:
            path = Path(folder) / name
            start = time.perf_counter()
            save(sequence, path, name, label=0)
            write_seconds, read_seconds = time.perf_counter() - start, ""
            if FORMATS[name].read is not None:
                start = time.perf_counter()
                load(path, name)
                read_seconds = f"{time.perf_counter() - start:.2f}"
            tracemalloc.start()
            save(sequence, path, name, overwrite=True, label=0)
            copies = tracemalloc.get_traced_memory()[1] / data
            tracemalloc.stop()
            print(
                f"{name:12}{write_seconds:8.2f}{read_seconds:>8}{copies:8.2f}"
                f"{size_on_disk(path) / 1e6:9.1f} MB"
            )
    for name, work in (("filled", filled), ("smoothed", smoothed)):
        start = time.perf_counter()
        work(sequence)
        print(f"{name:12}{time.perf_counter() - start:8.2f}")


if __name__ == "__main__":
    main()
