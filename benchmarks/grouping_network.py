"""Errors of the network and of grouping, separated: AP of the network's maps with several groupings.

    python benchmarks/grouping_network.py path/to/coco/dev.json path/to/coco/dev [--weights W] [--size N]

"peaks" groups the network's joints by the annotations, as perfect grouping without false people would.
"greedy" is the pipeline, "optimal" uses the matching with the largest total score per limb, and "no double
peaks" never merges parts of a person that have the same joint twice. "drawn fields" keeps the network's
confidence maps and draws the part affinity fields from the annotations; "drawn joints" does the reverse.
``grouping_oracle.py`` measures with both drawn.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from grouping_oracle import FIGURES, GROUPINGS, annotated, difference, nearest_peaks, print_row

from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.evaluation.annotations import load_annotations
from skelstream.evaluation.estimates import check_images, read_image
from skelstream.evaluation.results import to_results
from skelstream.evaluation.scoring import score
from skelstream.grouping.assembly import assemble
from skelstream.grouping.candidates import find_candidates
from skelstream.network.part_maps import PartMaps
from skelstream.settings.estimation import SIZE, EstimatorSettings
from skelstream.settings.models import DETECTOR


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("annotations", type=Path, help="COCO keypoint annotations")
    parser.add_argument("images", type=Path, help="folder of the images")
    parser.add_argument("--weights", default=DETECTOR)
    parser.add_argument("--size", type=int, default=SIZE, help="long side of the network's input")
    parser.add_argument("--limit", type=int, help="use the first images only")
    options = parser.parse_args()
    coco = load_annotations(options.annotations)
    if options.limit:
        coco = coco.head(options.limit)
    check_images(coco, options.images)
    estimator = PoseEstimator(
        EstimatorSettings().with_options(weights=options.weights, size=options.size, refine=0)
    )
    skeleton = estimator.runtime.skeleton
    found: dict[str, list[dict]] = {}
    for image_id, image in coco.images.items():
        network_input, letterbox = estimator.prepare(read_image(options.images, image).pixels)
        maps = estimator.runtime.maps(network_input[None])
        maps = PartMaps(maps.confidence.float().cpu(), maps.pafs.float().cpu(), maps.stride)
        scene = annotated(coco, image_id, skeleton, options.size)
        drawn = scene.drawn(skeleton, tuple(maps.confidence.shape[-2:]), maps.stride)
        (candidates,) = find_candidates(maps, skeleton, estimator.settings.grouping)
        people = {"peaks": nearest_peaks(candidates, scene, skeleton, letterbox=letterbox)}
        for name, select in GROUPINGS.items():
            people[name] = assemble(
                select(candidates), skeleton, letterbox=letterbox, settings=estimator.settings.grouping
            )
        strict = replace(estimator.settings.grouping, double_peak=0.0)
        people["no double peaks"] = assemble(candidates, skeleton, letterbox=letterbox, settings=strict)
        mixed = {"drawn fields": (maps.confidence, drawn.pafs), "drawn joints": (drawn.confidence, maps.pafs)}
        for name, (confidence, pafs) in mixed.items():
            (candidates,) = find_candidates(
                PartMaps(confidence, pafs, maps.stride), skeleton, estimator.settings.grouping
            )
            people[name] = assemble(
                candidates, skeleton, letterbox=letterbox, settings=estimator.settings.grouping
            )
        for name, grouped in people.items():
            found.setdefault(name, []).extend(to_results(image_id, grouped, skeleton))
    print(
        f"{len(coco.images)} images, {estimator.provenance.model} {estimator.provenance.weights_sha256[:12]},"
        f" {estimator.runtime.name}, long side {options.size}, single scale, no flip"
    )
    print(f"{'':28}" + "".join(f"{name:>7}" for name in (*FIGURES, "found")))
    scores = {name: score(coco, detections) for name, detections in found.items()}
    for name, grouping_scores in scores.items():
        print_row(f"{name:28}", grouping_scores)
    print(f"optimal - greedy: {difference(scores['optimal'], scores['greedy'])}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
