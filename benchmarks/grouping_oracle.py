"""What grouping alone costs in accuracy: annotations drawn as perfect maps, grouped, and scored against themselves.

    python benchmarks/grouping_oracle.py path/to/coco/dev.json

Each image is scaled to a given long side, its annotated people are drawn as confidence maps and part affinity
fields (the training's own targets), and COCO's keypoint AP of the grouped people is printed. "peaks" gives every
annotated joint the nearest peak of its kind, so its loss is quantisation and merged peaks. "connected" is what the
annotations allow: of each person the largest set of labelled joints that limbs connect (a person without a labelled
shoulder has no neck, so that arms, legs and head fall apart). The other rows lose to grouping as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from skelstream.evaluation.annotations import CocoSet, load_annotations
from skelstream.evaluation.coco import score
from skelstream.evaluation.results import to_results
from skelstream.grouping.assembly import assemble
from skelstream.grouping.candidates import Candidates, find_candidates
from skelstream.grouping.people import People
from skelstream.grouping.settings import GroupingSettings
from skelstream.network.maps import PartMaps
from skelstream.skeleton import COCO17, OPENPOSE18, convert
from skelstream.training.targets import confidence_maps, part_affinity_fields

FIGURES = ("AP", "AP50", "AP75", "AR")
REDUNDANT = (17, 18)  # the ear-shoulder limbs


def optimal_matching(candidates: Candidates) -> Candidates:
    """The limbs of the matching with the greatest total score per limb; greedy assembly then takes them all."""
    keep: list[int] = []
    for limb in np.unique(candidates.limbs[:, 0]):
        rows = np.flatnonzero(candidates.limbs[:, 0] == limb)
        a, at = np.unique(candidates.limbs[rows, 1], return_inverse=True)
        b, bt = np.unique(candidates.limbs[rows, 2], return_inverse=True)
        score = np.zeros((len(a), len(b)))
        score[at, bt] = candidates.limb_scores[rows]
        chosen = set(zip(*linear_sum_assignment(score, maximize=True), strict=True))
        keep += [r for r, pair in zip(rows, zip(at, bt, strict=True), strict=True) if pair in chosen]
    return replace(candidates, limbs=candidates.limbs[keep], limb_scores=candidates.limb_scores[keep])


def without_redundant(candidates: Candidates) -> Candidates:
    keep = ~np.isin(candidates.limbs[:, 0], REDUNDANT)
    return replace(candidates, limbs=candidates.limbs[keep], limb_scores=candidates.limb_scores[keep])


def annotated(coco: CocoSet, image_id: int) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (P, 18, 2) in source pixels and roots of the areas (P,) of the annotated people."""
    people = [p for p in coco.persons[image_id] if not p.crowd and p.keypoints[:, 2].any()]
    rows = np.array([p.keypoints for p in people]).reshape(-1, 17, 3)
    keypoints = np.where(rows[..., 2:] > 0, rows[..., :2], np.nan)
    return convert(keypoints, rows[..., 2] > 0, COCO17, OPENPOSE18)[0], np.sqrt([p.area for p in people])


def nearest_peaks(candidates: Candidates, truth: np.ndarray, scale: tuple[float, float]) -> People:
    """The annotated people with each joint moved to the nearest peak of its kind, at most two cells away."""
    keypoints = np.full_like(truth, np.nan)
    for j in range(len(OPENPOSE18)):
        peaks = (candidates.peaks[candidates.joints == j] + 0.5) * scale - 0.5
        for p in np.flatnonzero(np.isfinite(truth[:, j, 0])) if len(peaks) else ():
            distance = np.hypot(*(peaks - truth[p, j]).T)
            if distance.min() <= 2 * max(scale):
                keypoints[p, j] = peaks[distance.argmin()]
    scores = np.isfinite(keypoints[..., 0]).astype(np.float32)
    return People(keypoints, scores, scores.mean(1), np.zeros((len(keypoints), 4), np.float32))


def connected_parts(truth: np.ndarray) -> People:
    """Of each annotated person the largest set of joints that limbs connect, if it is large enough to be found."""
    keypoints = np.full_like(truth, np.nan)
    for person, kept in zip(truth, keypoints, strict=True):
        part = np.arange(len(OPENPOSE18))
        labelled = np.isfinite(person[:, 0])
        for a, b in OPENPOSE18.limbs:
            if labelled[a] and labelled[b]:
                part[part == part[b]] = part[a]
        largest = part == np.bincount(part[labelled], minlength=1).argmax()
        kept[largest & labelled] = person[largest & labelled]
    scores = np.isfinite(keypoints[..., 0]).astype(np.float32)
    people = People(keypoints, scores, scores.mean(1), np.zeros((len(keypoints), 4), np.float32))
    return people.take(scores.sum(1) >= GroupingSettings().min_joints)


GROUPINGS: dict[str, Callable[[Candidates], Candidates]] = {
    "greedy": lambda c: c,
    "optimal": optimal_matching,
    "greedy, no ear-shoulder": without_redundant,
    "optimal, no ear-shoulder": lambda c: optimal_matching(without_redundant(c)),
}


def regrouped(coco: CocoSet, image_id: int, long_side: int, stride: int) -> dict[str, People]:
    """The people of one image in each way of making them."""
    image = coco.images[image_id]
    source = np.array([image.width, image.height])
    inside = np.maximum(1, np.round(source * long_side / source.max()))
    factor = inside / source
    size = tuple(int(n) for n in np.ceil(inside[::-1] / stride))
    truth, roots = annotated(coco, image_id)
    drawn = ((truth + 0.5) * factor - 0.5, roots * np.sqrt(factor.prod()), OPENPOSE18, size, stride)
    confidence, pafs = (torch.from_numpy(f(*drawn))[None] for f in (confidence_maps, part_affinity_fields))
    candidates = find_candidates(PartMaps(confidence, pafs, stride), OPENPOSE18)[0]
    scale = (stride / factor[0], stride / factor[1])
    people = {"peaks": nearest_peaks(candidates, truth, scale), "connected": connected_parts(truth)}
    for name, chosen in GROUPINGS.items():
        people[name] = assemble(chosen(candidates), OPENPOSE18, scale=scale)
    return people


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("annotations", type=Path, help="COCO keypoint annotations")
    parser.add_argument("--strides", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--long-side", type=int, default=416, help="network-input pixels")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    coco = load_annotations(arguments.annotations)
    print(f"{len(coco.images)} images, long side {arguments.long_side}, maps drawn from the annotations")
    print(f"{'stride':>6}  {'people':26}" + "".join(f"{name:>7}" for name in (*FIGURES, "found")))
    for stride in arguments.strides:
        found: dict[str, list[dict]] = {name: [] for name in ("peaks", "connected", *GROUPINGS)}
        for image_id in coco.images:
            for name, people in regrouped(coco, image_id, arguments.long_side, stride).items():
                found[name] += to_results(image_id, people, OPENPOSE18)
        for name, detections in found.items():
            metrics = score(coco, detections).metrics
            figures = "".join(f"{metrics[figure]:7.2f}" for figure in FIGURES)
            print(f"{stride:>6}  {name:26}{figures}{len(detections):>7}", flush=True)


if __name__ == "__main__":
    main()
