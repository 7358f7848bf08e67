"""What grouping alone costs in accuracy: annotations drawn as perfect maps, grouped, and scored against themselves.

    python benchmarks/grouping_oracle.py path/to/coco/dev.json

Each image is scaled to a given long side, its annotated people are drawn as confidence maps and part affinity
fields (the training's own targets), and COCO's keypoint AP of the grouped people is printed. "peaks" gives every
annotated joint the nearest peak of its kind, so its loss is quantisation and merged peaks; the other rows lose to
grouping as well.
"""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.optimize import linear_sum_assignment

from skelstream.grouping.assembly import assemble
from skelstream.grouping.candidates import Candidates, find_candidates
from skelstream.grouping.people import People
from skelstream.network.maps import PartMaps
from skelstream.skeleton import COCO17, OPENPOSE18, convert
from skelstream.training.targets import confidence_maps, part_affinity_fields

PERSON = 1
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


def annotated(coco: COCO, image_id: int) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (P, 18, 2) in source pixels and roots of the areas (P,) of the annotated people."""
    people = [
        a
        for a in coco.loadAnns(coco.getAnnIds(imgIds=image_id, catIds=PERSON, iscrowd=False))
        if a["num_keypoints"]
    ]
    rows = np.array([a["keypoints"] for a in people], np.float32).reshape(-1, 17, 3)
    keypoints = np.where(rows[..., 2:] > 0, rows[..., :2], np.nan)
    keypoints, _ = convert(keypoints, (rows[..., 2] > 0).astype(np.float32), COCO17, OPENPOSE18)
    return keypoints, np.sqrt([a["area"] for a in people])


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


def results(image_id: int, people: People) -> list[dict]:
    """COCO results of one image."""
    keypoints, scores = convert(people.keypoints, people.scores, OPENPOSE18, COCO17)
    rows = np.concatenate([np.nan_to_num(keypoints), scores[..., None]], -1).reshape(-1, 3 * len(COCO17))
    return [
        {"image_id": image_id, "category_id": PERSON, "keypoints": row.tolist(), "score": float(score)}
        for row, score in zip(rows, people.person_scores, strict=True)
    ]


def average_precision(coco: COCO, detections: list[dict]) -> tuple[float, float, float, float]:
    """AP, AP50, AP75 and AR in percent."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(coco, coco.loadRes(detections), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    ap, ap50, ap75, ar = (100 * evaluation.stats[i] for i in (0, 1, 2, 5))
    return ap, ap50, ap75, ar


GROUPINGS: dict[str, Callable[[Candidates], Candidates]] = {
    "greedy": lambda c: c,
    "optimal": optimal_matching,
    "greedy, no ear-shoulder": without_redundant,
    "optimal, no ear-shoulder": lambda c: optimal_matching(without_redundant(c)),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("annotations", type=Path, help="COCO keypoint annotations")
    parser.add_argument("--strides", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--long-side", type=int, default=416, help="network-input pixels")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(arguments.annotations))
    print(f"{len(coco.imgs)} images, long side {arguments.long_side}, maps drawn from the annotations")
    print(f"{'stride':>6}  {'people':26}{'AP':>7}{'AP50':>7}{'AP75':>7}{'AR':>7}{'found':>7}")
    for stride in arguments.strides:
        found: dict[str, list[dict]] = {name: [] for name in ("peaks", *GROUPINGS)}
        for image_id, image in coco.imgs.items():
            factor = arguments.long_side / max(image["height"], image["width"])
            size = tuple(int(np.ceil(round(image[side] * factor) / stride)) for side in ("height", "width"))
            truth, roots = annotated(coco, image_id)
            drawn = ((truth + 0.5) * factor - 0.5, roots * factor, OPENPOSE18, size, stride)
            confidence, pafs = (
                torch.from_numpy(f(*drawn))[None] for f in (confidence_maps, part_affinity_fields)
            )
            candidates = find_candidates(PartMaps(confidence, pafs, stride), OPENPOSE18)[0]
            scale = (stride / factor, stride / factor)
            found["peaks"] += results(image_id, nearest_peaks(candidates, truth, scale))
            for name, chosen in GROUPINGS.items():
                found[name] += results(image_id, assemble(chosen(candidates), OPENPOSE18, scale=scale))
        for name, detections in found.items():
            figures = "".join(f"{v:7.2f}" for v in average_precision(coco, detections))
            print(f"{stride:>6}  {name:26}{figures}{len(detections):>7}", flush=True)


if __name__ == "__main__":
    main()
