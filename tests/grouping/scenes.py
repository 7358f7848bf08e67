"""Random people, drawn as maps, and random candidates that no maps need to explain."""

from __future__ import annotations

import numpy as np
import torch

from skelstream.grouping.candidates import Candidates
from skelstream.network.part_maps import PartMaps
from skelstream.skeleton import OPENPOSE18
from skelstream.training.targets import confidence_maps, part_affinity_fields

STRIDE = 4

# A person of height 1 round the origin, OpenPose's order.
STANDING = np.array(
    [
        (0.00, -0.40), (0.00, -0.28), (-0.10, -0.28), (-0.15, -0.12), (-0.17, 0.02), (0.10, -0.28), (0.15, -0.12),
        (0.17, 0.02), (-0.07, 0.03), (-0.08, 0.25), (-0.09, 0.46), (0.07, 0.03), (0.08, 0.25), (0.09, 0.46),
        (-0.025, -0.43), (0.025, -0.43), (-0.055, -0.41), (0.055, -0.41),
    ]
)  # fmt: skip


def random_people(
    rng: np.random.Generator,
    count: int,
    size: tuple[int, int],
    *,
    missing: float = 0.0,
    turn: float = 0.3,
    heights: tuple[float, float] = (0.4, 1.0),
) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (P, 18, 2) in network-input pixels, NaN where missing or outside, and scales (P,)."""
    height, width = size[0] * STRIDE, size[1] * STRIDE
    tall = rng.uniform(*heights, count) * height
    angle = rng.normal(0, turn, count)
    rotation = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1).reshape(-1, 2, 2)
    pose = STANDING + rng.normal(0, 0.02, (count, 18, 2))
    centre = rng.uniform(0.1, 0.9, (count, 1, 2)) * (width, height)
    keypoints = pose @ rotation.transpose(0, 2, 1) * tall[:, None, None] + centre
    outside = (keypoints < 0) | (keypoints > (width - 1, height - 1))
    corner = rng.uniform(0, 1, 2) * (width, height)  # something stands in front
    hidden = (np.abs(keypoints - corner) < (width / 8, height / 8)).all(-1) & (missing > 0)
    keypoints[outside.any(-1) | hidden | (rng.random((count, 18)) < missing)] = np.nan
    return keypoints, 0.5 * tall


def draw(
    keypoints: np.ndarray,
    scales: np.ndarray,
    size: tuple[int, int],
    rng: np.random.Generator | None = None,
    noise: float = 0.0,
) -> PartMaps:
    """The maps of one image, with noise if asked."""
    people = (torch.from_numpy(array).float()[None] for array in (keypoints, scales))
    drawn = (*people, OPENPOSE18, size, STRIDE)
    maps = [f(*drawn) for f in (confidence_maps, part_affinity_fields)]
    if rng is not None:
        maps = [m + noise * torch.from_numpy(rng.standard_normal(m.shape, np.float32)) for m in maps]
    return PartMaps(*maps, STRIDE)


def random_candidates(rng: np.random.Generator) -> Candidates:
    """Peaks and limbs at random: loops, forks, ties and rivals that no drawn person would show.

    Scores are multiples of 1/64, so that ties are common and every order of summation gives the same sum.
    """
    joints = np.sort(rng.integers(0, 18, rng.integers(0, 70))).astype(np.int32)
    peaks = rng.uniform(0, 50, (len(joints), 2)).astype(np.float32)
    if len(joints) and rng.random() < 0.5:  # people close enough to be the same one
        peaks = (peaks * 0.05 + 10 + joints[:, None]).astype(np.float32)
    scores = (rng.integers(1, 65, len(joints)) / 64).astype(np.float32)
    order = np.lexsort((-scores, joints))
    peaks, scores = peaks[order], scores[order]
    density = rng.uniform(0.2, 1)
    rows = [
        (limb, a, b)
        for limb, (first, second) in enumerate(OPENPOSE18.limbs)
        for a in np.flatnonzero(joints == first)
        for b in np.flatnonzero(joints == second)
        if rng.random() < density
    ]
    limbs = np.array(rows, np.int32).reshape(-1, 3)
    limb_scores = (rng.integers(1, 65, len(limbs)) / 64).astype(np.float32)
    order = np.lexsort((limbs[:, 2], limbs[:, 1], -limb_scores, limbs[:, 0]))
    return Candidates(peaks, scores, joints, limbs[order], limb_scores[order], STRIDE)
