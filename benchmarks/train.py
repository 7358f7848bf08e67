"""Training speed on this machine in samples per second.

    python benchmarks/train.py RECIPE --data FOLDER [--steps 20] [--start FILE] [--workers N] [--device cpu]
        [--precision auto]

The recipe's batch size and augmentation are unchanged; the first 3 steps are not counted.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import torch

from skelstream.training.annotations import read_set
from skelstream.training.detected_people import detect_people, read_detections
from skelstream.training.distributed import default_workers
from skelstream.training.initial_weights import load_initial_weights
from skelstream.training.loop import Trainer
from skelstream.training.recipe_file import find_recipe, read_recipe

WARM_UP = 3  # steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--workers", type=int, default=default_workers())
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", default="auto")
    parser.add_argument(
        "--detections",
        type=Path,
        default=Path("detections.npz"),
        help="file of detected people, for the top-down network",
    )
    options = parser.parse_args()
    recipe = read_recipe(find_recipe(options.recipe), options.data, {"precision": options.precision})
    recipe = replace(recipe, samples=recipe.batch * (options.steps + WARM_UP))
    initial = load_initial_weights(options.start, recipe.network, recipe.seed)
    sets = [read_set(config) for config in recipe.sets]
    images = [one.images for one in sets]
    detections = None
    if recipe.needs_detection:
        if not options.detections.exists():
            for _ in detect_people(options.detections, recipe.detection, images):
                pass
        detections = read_detections(options.detections, [len(one) for one in images])
    device = torch.device(options.device)
    trainer = Trainer(recipe, device, initial, options.workers, sets=sets, detections=detections)
    start = 0.0
    for progress in trainer.steps():
        if progress.samples == WARM_UP * recipe.batch:
            progress.losses  # noqa: B018 - waits for the device
            start = time.perf_counter()
    if options.device.startswith("cuda"):
        torch.cuda.synchronize()
    rate = options.steps * recipe.batch / (time.perf_counter() - start)
    name = (
        torch.cuda.get_device_name()
        if options.device.startswith("cuda")
        else f"{torch.get_num_threads()} cores"
    )
    print(f"{recipe.name}, {name}, {trainer.precision}, {options.workers} workers: {rate:.1f} samples/s")


if __name__ == "__main__":
    main()
