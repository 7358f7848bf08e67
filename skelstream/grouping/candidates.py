"""Peaks and limb scores, computed on the network's device; only these few numbers are copied to the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional

from skelstream.network.part_maps import PartMaps
from skelstream.settings.grouping import GroupingSettings
from skelstream.skeleton import Skeleton

# A neighbour below this fraction of its peak is noise around a narrow peak and says nothing about the peak's
# position within its cell; its logarithm would outweigh the neighbour on the other side.
_LEAST_NEIGHBOUR = 0.01


@dataclass(frozen=True)
class Candidates:
    """Part candidates and limb candidates of one image, the input of assembly.

    Attributes:
        peaks: float32 (N, 2), x and y in map cells; the centre of the top-left cell is (0, 0).
        peak_scores: float32 (N,) in [0, 1], highest first within a joint.
        joints: int32 (N,), joint of each peak, ascending.
        limbs: int32 (C, 3), rows (limb, peak of its first joint, peak of its second joint), ordered by limb,
            highest score first within a limb. Only pairs that pass as a limb are listed.
        limb_scores: float32 (C,), line integral of each row of ``limbs``, above 0.
        stride: network-input pixels per map cell.
    """

    peaks: np.ndarray
    peak_scores: np.ndarray
    joints: np.ndarray
    limbs: np.ndarray
    limb_scores: np.ndarray
    stride: int


@torch.inference_mode()
def find_candidates(
    maps: PartMaps, skeleton: Skeleton, settings: GroupingSettings | None = None
) -> list[Candidates]:
    """Find the peaks and score the limbs of a whole batch at the maps' own resolution.

    Peaks are 3 x 3 maxima above a threshold, placed within their cell by a parabola through the logarithms of
    the neighbours, which is exact for a Gaussian; a plateau of equal cells is one peak. Limbs are scored by
    OpenPose's line integral (Cao et al. 2019, eq. 11) over bilinear samples, with the two additions of its
    implementation: a least fraction of good samples, and a penalty on limbs longer than half the map's
    height.

    Args:
        maps: float32, bfloat16 or half maps of B images on any device; the arithmetic is float32.
        skeleton: V joints and L limbs, in the order of the maps' channels.
        settings: thresholds; None for the defaults.

    Returns:
        B candidates, one per image, each independent of the rest of the batch.
    """
    settings = settings or GroupingSettings()
    peaks, scores = _find_peaks(maps.confidence.float(), settings)
    limb_scores = _score_limbs(maps.pafs.float(), peaks, scores > 0, skeleton, settings)
    joints, count = scores.shape[1:]
    packed = torch.cat([peaks.flatten(1), scores.flatten(1), limb_scores.flatten(1)], 1).cpu().numpy()
    split = [2 * joints * count, 3 * joints * count]
    parts = (np.split(row, split) for row in packed)
    return [
        _pack(
            p.reshape(joints, count, 2),
            s.reshape(joints, count),
            m.reshape(-1, count, count),
            skeleton,
            maps.stride,
        )
        for p, s, m in parts
    ]


def _find_peaks(confidence: torch.Tensor, settings: GroupingSettings) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the cells (B, V, K, 2) and scores (B, V, K) of the highest peaks; the score is 0 where there is no peak.

    K is the greatest number of peaks of a joint in the batch, but at least 1.
    """
    height, width = confidence.shape[-2:]
    padded = functional.pad(confidence, (1, 1, 1, 1), value=-torch.inf)
    left, right = padded[..., 1:-1, :-2], padded[..., 1:-1, 2:]
    rows = torch.maximum(torch.maximum(padded[..., :-2], padded[..., 1:-1]), padded[..., 2:])
    # Shifted maxima replace a 3 x 3 max-pool, 30 times faster on a CPU. Among equal neighbours the first in
    # reading order wins.
    before = torch.maximum(rows[..., :-2, :], left).clamp_(min=settings.peak_threshold)
    after = torch.maximum(rows[..., 2:, :], right)
    found = (confidence * ((confidence > before) & (confidence >= after))).flatten(2)
    values, cells = found.topk(min(settings.max_peaks, height * width), dim=-1)
    valid = values > 0
    count = max(1, int(valid.sum(-1).max()))
    values, cells, valid = values[..., :count], cells[..., :count], valid[..., :count]
    x, y = cells % width, cells // width
    valid &= ~_same_plateau(values, x, y)

    flat = padded.flatten(2)
    centre = (y + 1) * (width + 2) + x + 1
    least = _LEAST_NEIGHBOUR * values.clamp(min=1e-6)
    log_peak = values.clamp(min=1e-6).log()
    place, log_score = [], log_peak
    for coordinate, step in ((x, 1), (y, width + 2)):
        before, after = (flat.gather(2, centre + s) for s in (-step, step))
        inside = before.isfinite() & after.isfinite()
        before, after = (torch.maximum(v, least).log() for v in (before, after))
        slope, bend = (after - before) / 2, before + after - 2 * log_peak
        # On the border, where a neighbour is missing, and along a plateau the peak is at its cell's centre.
        offset = torch.where(inside & (bend < 0), -slope / bend, 0.0)
        place.append(coordinate + offset)
        log_score = log_score + offset * slope / 2
    return torch.stack(place, -1), log_score.exp().clamp(max=1).where(valid, 0)


def _same_plateau(values: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return, bool (B, V, K), whether an earlier peak within two cells has the same value (two tips of a plateau)."""

    def pairs(v: torch.Tensor) -> torch.Tensor:
        return v[..., :, None] - v[..., None, :]

    same = (pairs(values) == 0) & (pairs(x).abs() <= 2) & (pairs(y).abs() <= 2)
    return same.tril(-1).any(-1)


def _score_limbs(
    pafs: torch.Tensor,
    peaks: torch.Tensor,
    valid: torch.Tensor,
    skeleton: Skeleton,
    settings: GroupingSettings,
) -> torch.Tensor:
    """Return line integrals (B, L, K, K) between the peaks of each limb's first and second joint; 0 if not a limb."""
    batch, _, height, width = pafs.shape
    count = peaks.shape[2]
    ends = _constant(skeleton.limbs, pafs.device)
    first, second = peaks[:, ends[:, 0], :, None], peaks[:, ends[:, 1], None, :]
    limb = second - first
    length = limb.norm(dim=-1)
    # grid_sample's coordinates go from -1 to 1, from the first cell's centre to the last one's.
    unit = _constant((2 / max(width - 1, 1), 2 / max(height - 1, 1)), pafs.device)
    along = torch.linspace(0, 1, settings.limb_samples, device=pafs.device)[:, None]
    grid = (first * unit - 1)[..., None, :] + along * (limb * unit)[..., None, :]
    grid = grid.view(-1, count * count, settings.limb_samples, 2)
    field = functional.grid_sample(pafs.reshape(-1, 2, height, width), grid, align_corners=True)
    field = field.view(batch, -1, 2, count, count, settings.limb_samples)
    direction = limb / length.clamp(min=1e-6)[..., None]
    along_limb = field[:, :, 0] * direction[..., 0, None] + field[:, :, 1] * direction[..., 1, None]
    good = (along_limb > settings.limb_threshold).float().mean(-1)
    penalty = (settings.long_limb * height / length.clamp(min=1e-6) - 1).clamp(max=0)
    score = along_limb.mean(-1) + penalty
    passed = (good >= settings.min_good_fraction) & (score > 0)
    passed &= valid[:, ends[:, 0], :, None] & valid[:, ends[:, 1], None, :]
    return score.where(passed, 0)


@lru_cache(maxsize=64)
def _constant(values: tuple, device: torch.device) -> torch.Tensor:
    """Return a tensor of constants on a device, cached: each copy to a GPU waits for all work queued there."""
    return torch.tensor(values, device=device)


def _pack(
    peaks: np.ndarray, scores: np.ndarray, limb_scores: np.ndarray, skeleton: Skeleton, stride: int
) -> Candidates:
    """Pack the valid entries of one image's dense tables, in an order that depends only on their values."""
    joints, ranks = np.nonzero(scores)
    order = np.lexsort((peaks[joints, ranks, 0], peaks[joints, ranks, 1], -scores[joints, ranks], joints))
    joints, ranks = joints[order], ranks[order]
    row = np.zeros(scores.shape, np.int32)
    row[joints, ranks] = np.arange(len(joints))
    limbs, a, b = np.nonzero(limb_scores)
    values = limb_scores[limbs, a, b]
    ends = np.asarray(skeleton.limbs)
    a, b = row[ends[limbs, 0], a], row[ends[limbs, 1], b]
    order = np.lexsort((b, a, -values, limbs))
    table = np.stack([limbs, a, b], 1).astype(np.int32)
    return Candidates(
        peaks[joints, ranks],
        scores[joints, ranks],
        joints.astype(np.int32),
        table[order],
        values[order],
        stride,
    )
