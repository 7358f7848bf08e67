"""Search for grouping thresholds, on a set that may be used for training, never on the one for evaluation.

    python benchmarks/thresholds.py ANNOTATIONS.json IMAGES/ [--limit 300] [--weights W] [--size N]

The network runs once over the images. Then, for two rounds, each threshold in turn gets the value with the
best AP while the others stay fixed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.evaluation.annotations import CocoSet, load_annotations
from skelstream.evaluation.estimates import read_image
from skelstream.evaluation.results import to_results
from skelstream.evaluation.scoring import score
from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.assembly import assemble
from skelstream.grouping.candidates import find_candidates
from skelstream.network.part_maps import PartMaps
from skelstream.settings.estimation import SIZE, EstimatorSettings
from skelstream.settings.grouping import GroupingSettings
from skelstream.settings.models import DETECTOR

VALUES = {
    "peak_threshold": (0.01, 0.02, 0.03, 0.05, 0.075, 0.1),
    "limb_threshold": (0.02, 0.05, 0.1),
    "min_good_fraction": (0.6, 0.7, 0.8, 0.9),
    "limb_samples": (6, 10, 16),
    "long_limb": (0.5, 0.8, 1.2),
    "limb_ratio": (1.5, 2.0, 2.5, 4.0),
    "double_peak": (0.0, 0.1, 0.15, 0.2),
    "min_joints": (2, 3, 4),
    "min_person_score": (0.0, 0.05, 0.1),
    "duplicate_oks": (0.5, 0.7, 0.85),
}
Image = tuple[int, PartMaps, Letterbox]


def network_maps(estimator: PoseEstimator, coco_set: CocoSet, folder: Path) -> list[Image]:
    """Return the maps of each image in half precision, so that hundreds fit into memory."""
    images = []
    for image in coco_set.images.values():
        network_input, letterbox = estimator.prepare(read_image(folder, image).pixels)
        maps = estimator.runtime.maps(network_input[None])
        half = PartMaps(
            maps.confidence.to(torch.float16, copy=True), maps.pafs.to(torch.float16, copy=True), maps.stride
        )
        images.append((image.id, half, letterbox))
    return images


def average_precision(
    images: list[Image], coco_set: CocoSet, estimator: PoseEstimator, settings: GroupingSettings
) -> float:
    """Return the AP in percent."""
    skeleton, rows = estimator.runtime.skeleton, []
    for image_id, maps, letterbox in images:
        (candidates,) = find_candidates(maps, skeleton, settings)
        people = assemble(candidates, skeleton, letterbox=letterbox, settings=settings)
        rows += to_results(image_id, people, skeleton)
    return score(coco_set, rows).metrics["AP"] if rows else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("annotations", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--weights", default=DETECTOR)
    parser.add_argument("--size", type=int, default=SIZE)
    options = parser.parse_args()
    coco_set = load_annotations(options.annotations).head(options.limit)
    estimator = PoseEstimator(
        EstimatorSettings().with_options(weights=options.weights, size=options.size, refine=0)
    )
    print(
        f"{estimator.provenance.model}, {estimator.runtime.name},"
        f" {len(coco_set.images)} images of {options.annotations.name}"
    )
    images = network_maps(estimator, coco_set, options.images)
    settings = GroupingSettings()
    best = average_precision(images, coco_set, estimator, settings)
    print(f"present thresholds: AP {best:.2f}", flush=True)
    for _ in range(2):
        for name, values in VALUES.items():
            tried = {getattr(settings, name): best}
            for value in values:
                if value not in tried:
                    tried[value] = average_precision(
                        images, coco_set, estimator, replace(settings, **{name: value})
                    )
            value = max(tried, key=lambda v: tried[v])
            best, settings = tried[value], replace(settings, **{name: value})
            print(f"{name}: " + "  ".join(f"{v}: {tried[v]:.2f}" for v in sorted(tried)), flush=True)
    print(settings)


if __name__ == "__main__":
    main()
