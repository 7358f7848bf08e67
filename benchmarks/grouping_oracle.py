"""Accuracy lost in grouping alone: annotations drawn as perfect maps, grouped, and scored by themselves.

    python benchmarks/grouping_oracle.py path/to/coco/dev.json [--strides 4 8] [--least-sigma 3 6]
    python benchmarks/grouping_oracle.py path/to/coco/dev.json --limbs [--lose 0 0.05 0.1 0.2]

Each image is scaled to a given long side, its annotated people are drawn as confidence maps and part affinity
fields (the training targets), and COCO's keypoint AP of the grouped people is printed.

The first table compares groupings. "annotated" is the annotated people with enough joints; "connected" is the
largest part of each person that limbs connect, which is the most that grouping can find (a person without a
labelled shoulder has no neck, so that arms, legs and head are separate). "peaks" gives every annotated joint
the nearest peak of its kind, so that its loss is quantisation and merged peaks. The last line is the
difference between the optimal and the greedy matching, with a 95 % bootstrap interval over images.
``--least-sigma`` is the least width of a joint's Gaussian in network-input pixels, with all limits of the
targets' widths in proportion: 3 is the training's own; 6 at stride 8 has as many cells as 3 at stride 4.

The second table, ``--limbs``, compares sets of limbs with lost fields: each limb of each person is left out
with the given probability, as when a network finds both joints but not their connection.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from skelstream.evaluation.annotations import CocoSet, load_annotations
from skelstream.evaluation.results import to_results
from skelstream.evaluation.scoring import CocoScores, score
from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.assembly import assemble, connection_score
from skelstream.grouping.candidates import Candidates, find_candidates
from skelstream.network.part_maps import PartMaps
from skelstream.people import People
from skelstream.settings.grouping import GroupingSettings
from skelstream.skeleton import COCO17, DENSE18, OPENPOSE18, Skeleton, convert
from skelstream.training.targets import SIGMA, confidence_maps, part_affinity_fields

FIGURES = ("AP", "AP50", "AP75", "AR")
MIN_SIMILARITY = 0.1  # least OKS of a peak and its joint


def with_limbs(name: str, *ends: tuple[str, str]) -> Skeleton:
    """Return OpenPose's joints and limbs with more limbs, which close cycles."""
    limbs = tuple((OPENPOSE18.index(a), OPENPOSE18.index(b)) for a, b in ends)
    return replace(OPENPOSE18, name=name, limbs=OPENPOSE18.limbs + limbs)


TREE = replace(OPENPOSE18, name="tree, no ear-shoulder", limbs=OPENPOSE18.limbs[:17])
SHOULDERS, HIPS, KNEES = (("right_" + joint, "left_" + joint) for joint in ("shoulder", "hip", "knee"))
SIDES, ELBOWS = (
    tuple((f"{side}_{joint}", f"{side}_hip") for side in ("right", "left")) for joint in ("shoulder", "elbow")
)
LIMB_SETS = (
    TREE,
    replace(OPENPOSE18, name="OpenPose's"),
    with_limbs("+ shoulder-shoulder", SHOULDERS),
    with_limbs("+ hip-hip", HIPS),
    with_limbs("+ shoulder-hip", *SIDES),
    with_limbs("+ hip-hip, shoulder-hip", HIPS, *SIDES),
    with_limbs("+ both, elbow-hip, knee-knee", HIPS, *SIDES, *ELBOWS, KNEES),
    replace(DENSE18, name="dense (the network's)"),
    replace(COCO17, name="COCO's, without a neck"),
)


@dataclass(frozen=True)
class Scene:
    """The annotated people of one image, and the mapping to network input.

    Attributes:
        truth: float (P, V, 2), true joints in source pixels, NaN where unlabelled.
        roots: float (P,), square root of each person's area in source pixels.
        inside: (2,), width and height of the image in network-input pixels.
        factor: (2,), network-input pixels per source pixel in x and y.
    """

    truth: np.ndarray
    roots: np.ndarray
    inside: np.ndarray
    factor: np.ndarray

    def drawn(
        self,
        skeleton: Skeleton,
        size: tuple[int, int],
        stride: int,
        least_sigma: float = SIGMA[0],
        lost: np.ndarray | bool = False,
    ) -> PartMaps:
        """Return targets of (h, w) cells without the limbs in ``lost``, bool (L, P)."""
        unit = least_sigma / SIGMA[0]  # the targets' limits are in units of this many pixels
        keypoints = ((self.truth + 0.5) * self.factor) / unit - 0.5
        roots = self.roots * np.sqrt(self.factor.prod()) / unit
        lost = np.broadcast_to(lost, (len(skeleton.limbs), len(roots)))
        scales = torch.from_numpy(roots).float()[None]

        def maps(draw: Callable[..., torch.Tensor], seen: np.ndarray, skeleton: Skeleton) -> torch.Tensor:
            return draw(torch.from_numpy(seen).float()[None], scales, skeleton, size, stride / unit)

        pafs = []
        for limb, left_out in zip(skeleton.limbs, lost, strict=True):
            seen = np.where(left_out[:, None, None], np.nan, keypoints)
            pafs.append(maps(part_affinity_fields, seen, replace(skeleton, limbs=(limb,))))
        return PartMaps(maps(confidence_maps, keypoints, skeleton), torch.cat(pafs, 1), stride)


def annotated(coco: CocoSet, image_id: int, skeleton: Skeleton, long_side: int) -> Scene:
    """Return the annotated people of an image for a network input with this long side in pixels."""
    image = coco.images[image_id]
    source = np.array([image.width, image.height])
    inside = np.maximum(1, np.round(source * long_side / source.max()))
    people = [p for p in coco.persons[image_id] if not p.crowd and p.keypoints[:, 2].any()]
    rows = np.array([p.keypoints for p in people]).reshape(-1, 17, 3)
    keypoints = np.where(rows[..., 2:] > 0, rows[..., :2], np.nan)
    truth = convert(keypoints, rows[..., 2] > 0, COCO17, skeleton)[0]
    return Scene(truth, np.sqrt([p.area for p in people]), inside, inside / source)


def as_people(keypoints: np.ndarray) -> People:
    """Return those people who have enough joints for grouping."""
    scores = np.isfinite(keypoints[..., 0]).astype(np.float32)
    people = People(keypoints, scores, scores.mean(1), np.zeros((len(keypoints), 4), np.float32))
    return people.take(scores.sum(1) >= GroupingSettings().min_joints)


def largest_parts(truth: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Return each person's largest set of joints that limbs connect, the others NaN."""
    keypoints = np.full_like(truth, np.nan)
    for person, kept in zip(truth, keypoints, strict=True):
        part = np.arange(len(skeleton))
        labelled = np.isfinite(person[:, 0])
        for a, b in skeleton.limbs:
            if labelled[a] and labelled[b]:
                part[part == part[b]] = part[a]
        largest = part == np.bincount(part[labelled], minlength=1).argmax()
        kept[largest & labelled] = person[largest & labelled]
    return keypoints


def nearest_peaks(
    candidates: Candidates, scene: Scene, skeleton: Skeleton, *, letterbox: Letterbox
) -> People:
    """Return the annotated people with each joint at the nearest similar peak of its kind, else NaN."""
    keypoints = np.full_like(scene.truth, np.nan)
    for j, sigma in enumerate(skeleton.oks_sigmas):
        cells = candidates.peaks[candidates.joints == j]
        peaks = letterbox.to_image((cells + 0.5) * candidates.stride - 0.5)
        for p in np.flatnonzero(np.isfinite(scene.truth[:, j, 0])) if len(peaks) else ():
            squared = ((peaks - scene.truth[p, j]) ** 2).sum(1)
            if np.exp(-squared.min() / (2 * (2 * sigma * scene.roots[p]) ** 2)) >= MIN_SIMILARITY:
                keypoints[p, j] = peaks[squared.argmin()]
    return as_people(keypoints)


def optimal_matching(candidates: Candidates) -> Candidates:
    """Return candidates with the matching of the largest total score per limb; assembly uses them all."""
    weights = np.cbrt(connection_score(candidates))
    keep: list[int] = []
    for limb in np.unique(candidates.limbs[:, 0]):
        rows = np.flatnonzero(candidates.limbs[:, 0] == limb)
        a, a_index = np.unique(candidates.limbs[rows, 1], return_inverse=True)
        b, b_index = np.unique(candidates.limbs[rows, 2], return_inverse=True)
        score = np.zeros((len(a), len(b)))
        score[a_index, b_index] = weights[rows]
        chosen = set(zip(*linear_sum_assignment(score, maximize=True), strict=True))
        keep += [
            r for r, pair in zip(rows, zip(a_index, b_index, strict=True), strict=True) if pair in chosen
        ]
    return replace(candidates, limbs=candidates.limbs[keep], limb_scores=candidates.limb_scores[keep])


def only(skeleton: Skeleton, candidates: Candidates) -> Candidates:
    """Return candidates without the limbs after the skeleton's."""
    keep = candidates.limbs[:, 0] < len(skeleton.limbs)
    return replace(candidates, limbs=candidates.limbs[keep], limb_scores=candidates.limb_scores[keep])


def limb_by_limb(candidates: Candidates) -> Candidates:
    """Return candidates with scores for OpenPose's order: one kind of limb after the other, best first."""
    rank = np.arange(len(candidates.limbs), 0, -1)
    return replace(
        candidates, limb_scores=candidates.limb_scores * np.cbrt(rank / connection_score(candidates))
    )


GROUPINGS: dict[str, Callable[[Candidates], Candidates]] = {
    "greedy": lambda c: c,
    "optimal": optimal_matching,
    "greedy, limb by limb": limb_by_limb,
    "greedy, OpenPose's limbs": lambda c: only(OPENPOSE18, c),
    "greedy, tree of limbs": lambda c: only(TREE, c),
}


def difference(better: CocoScores, worse: CocoScores, draws: int = 1000) -> str:
    """Return the difference in AP with its 95 % interval over common bootstrap draws, as text."""
    random, count = np.random.default_rng(0), len(better.images)
    weights = [np.bincount(random.integers(count, size=count), minlength=count) for _ in range(draws)]
    values = [better.reweighted(w)["AP"] - worse.reweighted(w)["AP"] for w in weights]
    low, high = np.percentile(values, [2.5, 97.5])
    return f"{better.metrics['AP'] - worse.metrics['AP']:+.2f} AP ({low:+.2f} to {high:+.2f})"


def print_row(label: str, scores: CocoScores) -> None:
    """Print a row of figures."""
    figures = "".join(f"{scores.metrics[figure]:7.2f}" for figure in FIGURES)
    print(f"{label}{figures}{scores.estimated:>7}", flush=True)


def compare_groupings(coco: CocoSet, stride: int, least_sigma: float, long_side: int) -> None:
    """Print the first table's rows for a stride and a width."""
    found: dict[str, list[dict]] = {}
    for image_id in coco.images:
        scene = annotated(coco, image_id, OPENPOSE18, long_side)
        size = tuple(int(n) for n in np.ceil(scene.inside[::-1] / stride))
        candidates = find_candidates(scene.drawn(OPENPOSE18, size, stride, least_sigma), OPENPOSE18)[0]
        letterbox = Letterbox.scaled(*scene.factor)
        people = {
            "annotated": as_people(scene.truth),
            "connected": as_people(largest_parts(scene.truth, OPENPOSE18)),
            "peaks": nearest_peaks(candidates, scene, OPENPOSE18, letterbox=letterbox),
        }
        for name, select in GROUPINGS.items():
            people[name] = assemble(select(candidates), OPENPOSE18, letterbox=letterbox)
        for name, grouped in people.items():
            found.setdefault(name, []).extend(to_results(image_id, grouped, OPENPOSE18))
    scores = {name: score(coco, detections) for name, detections in found.items()}
    for name in found:
        print_row(f"{stride:>6}{least_sigma:>7g}  {name:26}", scores[name])
    print(f"{'':15}optimal - greedy: {difference(scores['optimal'], scores['greedy'])}")


def compare_limbs(
    coco: CocoSet, skeleton: Skeleton, lose: float, stride: int, long_side: int
) -> tuple[int, float, float]:
    """Return the number of people in several parts, and the AP of their largest parts and of grouping."""
    parted = 0
    found: list[list[dict]] = [[], []]
    for image_id in coco.images:
        scene = annotated(coco, image_id, skeleton, long_side)
        size = tuple(int(n) for n in np.ceil(scene.inside[::-1] / stride))
        lost = np.random.default_rng(image_id).random((len(skeleton.limbs), len(scene.truth))) < lose
        candidates = find_candidates(scene.drawn(skeleton, size, stride, lost=lost), skeleton)[0]
        grouped = assemble(candidates, skeleton, letterbox=Letterbox.scaled(*scene.factor))
        largest = largest_parts(scene.truth, skeleton)
        parted += int((np.isnan(largest) & np.isfinite(scene.truth)).any((1, 2)).sum())
        for people, detections in zip((as_people(largest), grouped), found, strict=True):
            detections += to_results(image_id, people, skeleton)
    allowed, reached = (score(coco, detections).metrics["AP"] for detections in found)
    return parted, allowed, reached


def crowded(coco: CocoSet, least_people: int) -> CocoSet:
    """Return the images with at least this number of labelled people."""
    kept = {i: p for i, p in coco.persons.items() if sum(not one.ignored for one in p) >= least_people}
    return replace(coco, images={i: coco.images[i] for i in kept}, persons=kept)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("annotations", type=Path, help="COCO keypoint annotations")
    parser.add_argument("--strides", type=int, nargs="+", default=[4, 8])
    parser.add_argument(
        "--least-sigma", type=float, nargs="+", default=[SIGMA[0]], help="network-input pixels"
    )
    parser.add_argument("--long-side", type=int, default=416, help="network-input pixels")
    parser.add_argument("--least-people", type=int, default=0, help="leave out images with fewer people")
    parser.add_argument("--limbs", action="store_true", help="compare sets of limbs instead")
    parser.add_argument(
        "--lose", type=float, nargs="+", default=[0.0, 0.05, 0.1, 0.2], help="shares of lost limbs"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    coco = crowded(load_annotations(arguments.annotations), arguments.least_people)
    people = sum(not p.ignored for persons in coco.persons.values() for p in persons)
    print(
        f"{len(coco.images)} images, {people} people, long side {arguments.long_side},"
        " maps drawn from annotations"
    )
    if not arguments.limbs:
        print(
            f"{'stride':>6}{'sigma':>7}  {'people':26}"
            + "".join(f"{name:>7}" for name in (*FIGURES, "found"))
        )
        for stride in arguments.strides:
            for least_sigma in arguments.least_sigma:
                compare_groupings(coco, stride, least_sigma, arguments.long_side)
        return
    stride = arguments.strides[0]
    print(f"stride {stride}, AP; parted: people in several parts; allowed: AP of their largest parts")
    print(
        f"{'limbs':32}{'count':>6}{'parted':>8}{'allowed':>9}"
        + "".join(f"{f'{p:.0%} lost':>10}" for p in arguments.lose)
    )
    for skeleton in LIMB_SETS:
        rows = [compare_limbs(coco, skeleton, p, stride, arguments.long_side) for p in arguments.lose]
        (parted, allowed, _), reached = rows[0], "".join(f"{found:10.2f}" for _, _, found in rows)
        print(f"{skeleton.name:32}{len(skeleton.limbs):>6}{parted:>8}{allowed:9.2f}{reached}", flush=True)


if __name__ == "__main__":
    main()
