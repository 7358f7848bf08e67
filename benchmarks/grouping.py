"""Time of grouping, with the protocol printed.

    python benchmarks/grouping.py [--device cuda] [--people 1 5 10 20 30]

Random people are drawn as noisy maps by the tests' scene generator; "reference" is the tests' slow
implementation.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from grouping_oracle import optimal_matching

from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.assembly import assemble
from skelstream.grouping.candidates import find_candidates
from skelstream.network.part_maps import PartMaps
from skelstream.settings.grouping import GroupingSettings
from skelstream.skeleton import OPENPOSE18

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "grouping"))
import reference
import scenes

NOISE = 0.02
IMAGES = 8
SETTINGS = GroupingSettings()


def milliseconds(work: Callable[[], object], device: str, seconds: float = 0.5) -> float:
    """Return the median time of a call in ms: CPU time of one thread, or wall-clock time on CUDA."""
    cuda = device.startswith("cuda")
    clock = time.perf_counter if cuda else time.thread_time
    for _ in range(3):
        work()
    times: list[float] = []
    while sum(times) < seconds or len(times) < 5:
        start = clock()
        work()
        if cuda:
            torch.cuda.synchronize()
        times.append(clock() - start)
    return 1000 * float(np.median(times))


def crowd(people: int, cells: int, rng: np.random.Generator) -> PartMaps:
    """Return the maps of a square image with this number of people, who are smaller the more there are."""
    size = (cells, cells)
    height = 1.1 / max(1.0, np.sqrt(people) / 1.5)
    keypoints, scales = scenes.random_people(rng, people, size, heights=(height * 0.6, height))
    return scenes.draw(keypoints, scales, size, rng, NOISE)


def batch(images: list[PartMaps], device: str) -> PartMaps:
    """Return the maps of several images as one batch on a device."""
    confidence = torch.cat([m.confidence for m in images]).to(device)
    return PartMaps(confidence, torch.cat([m.pafs for m in images]).to(device), scenes.STRIDE)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--people", type=int, nargs="+", default=[1, 5, 10, 20, 30])
    parser.add_argument(
        "--cells", type=int, nargs="+", default=[104, 52], help="rows and columns of the maps"
    )
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--skip-reference", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    name = torch.cuda.get_device_name() if arguments.device.startswith("cuda") else platform.processor()
    print(f"torch {torch.__version__}, numpy {np.__version__}, {arguments.device} {name}, one CPU thread")
    print(f"{IMAGES} random images per row, noise {NOISE} in every map cell; median over 0.5 s; ms per frame")

    rng = np.random.default_rng(0)
    print(
        "\nfind_candidates: maps of 18 + 38 channels; a 416 x 416 input has 104 x 104 cells at stride 4,"
        " 52 x 52 at stride 8"
    )
    print(f"{'cells':>7}{'people':>8}" + "".join(f"{f'batch {b}':>10}" for b in arguments.batches))
    for cells in arguments.cells:
        for people in arguments.people:
            images = [crowd(people, cells, rng) for _ in range(max(arguments.batches))]
            row = ""
            for size in arguments.batches:
                maps = batch(images[:size], arguments.device)
                spent = milliseconds(lambda m=maps: find_candidates(m, OPENPOSE18), arguments.device)
                row += f"{spent / size:10.3f}"
            print(f"{cells:>7}{people:>8}{row}", flush=True)

    print("\nassemble, CPU, maps of 104 x 104 cells; optimal: the matching with the largest total score")
    print(
        f"{'people':>7}{'found':>7}{'peaks':>7}{'limbs':>7}{'ms':>9}{'us/person':>11}{'optimal, ms':>13}",
        end="",
    )
    print("" if arguments.skip_reference else f"{'both, ms':>10}{'reference, ms':>15}{'times':>7}")
    for people in arguments.people:
        images = [crowd(people, 104, rng) for _ in range(IMAGES)]
        found = [find_candidates(m, OPENPOSE18)[0] for m in images]

        def assemble_all(found=found) -> list:
            return [assemble(c, OPENPOSE18, letterbox=Letterbox.scaled(1, 1)) for c in found]

        count = np.mean([len(p) for p in assemble_all()])
        peaks, limbs = (np.mean([len(getattr(c, n)) for c in found]) for n in ("peaks", "limbs"))
        spent = milliseconds(assemble_all, "cpu") / IMAGES
        matching = milliseconds(lambda f=found: [optimal_matching(c) for c in f], "cpu") / IMAGES
        row = f"{people:>7}{count:7.1f}{peaks:7.0f}{limbs:7.0f}{spent:9.3f}{1000 * spent / people:11.1f}"
        row += f"{spent + matching:13.3f}"
        if not arguments.skip_reference:
            both = spent + milliseconds(lambda i=images: find_candidates(i[0], OPENPOSE18), "cpu")
            confidence, pafs = images[0].confidence[0].numpy(), images[0].pafs[0].numpy()
            start = time.thread_time()
            reference.group(confidence, pafs, OPENPOSE18, (4, 4), SETTINGS)
            slow = 1000 * (time.thread_time() - start)
            row += f"{both:10.3f}{slow:15.0f}{slow / both:7.0f}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
