"""Target maps of the bottom-up network: confidence maps and part affinity fields drawn from annotations.

OpenPose (Cao et al., arXiv 1812.08008), section 3.2: a confidence map is the maximum of Gaussians over people
(equations 6 and 7), a part affinity field is the mean of the limbs' unit vectors (equations 8 and 9). Unlike
there, Gaussians and limbs widen with the person's size, because joints of large people are less exactly
defined.

Maps are drawn for a whole batch at once, on the device of its keypoints.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from skelstream.skeleton import Skeleton

# Standard deviation of a Gaussian and half width of a limb: least and greatest value in network-input pixels,
# and value per pixel of the person's scale (the root of its area).
SIGMA = (3.0, 12.0, 0.06)
HALF_WIDTH = (4.0, 12.0, 0.06)
# Joints of the face are close together and exactly defined.
_FACE = {"nose", "left_eye", "right_eye", "left_ear", "right_ear"}
_FACE_SIGMA = 0.6
# Number of standard deviations at which a Gaussian is cut off.
_CUT = 3.5


def _clipped(scales: Tensor, limits: tuple[float, float, float]) -> Tensor:
    return (scales * limits[2]).clamp(limits[0], limits[1])


def _by_person(keypoints: Tensor, stride: float, counts: Sequence[int] | None) -> list[Tensor]:
    """Return for each p the p-th person of all images that have one, in cells: (images, V, 2)."""
    counts = [keypoints.shape[1]] * len(keypoints) if counts is None else counts
    cells = (keypoints + 0.5) / stride - 0.5
    return [cells[: sum(n > p for n in counts), p] for p in range(max(counts, default=0))]


def confidence_maps(
    keypoints: Tensor,
    scales: Tensor,
    skeleton: Skeleton,
    size: tuple[int, int],
    stride: float,
    counts: Sequence[int] | None = None,
) -> Tensor:
    """Draw confidence maps of the people of B images.

    Args:
        keypoints: float (B, P, V, 2), network-input pixels, NaN where unlabelled.
        scales: float (B, P), root of each person's area in network-input pixels.
        skeleton: joint set with V joints.
        size: height and width of the maps in cells.
        stride: network-input pixels per cell; cell i stands for pixel stride * (i + 0.5) - 0.5.
        counts: number of people of each image, in falling order; further people are padding. None for P
            everywhere.

    Returns:
        float32 (B, V, h, w) in [0, 1].
    """
    device = keypoints.device
    maps = torch.zeros(len(keypoints), len(skeleton), *size, device=device)
    rows, columns = (torch.arange(n, device=device, dtype=torch.float32) for n in size)
    face = torch.tensor([joint in _FACE for joint in skeleton.joints], device=device)
    for p, centre in enumerate(_by_person(keypoints, stride, counts)):
        n = len(centre)
        body = _clipped(scales[:n, p, None], SIGMA) / stride
        sigma = torch.where(face, (body * _FACE_SIGMA).clamp(min=SIGMA[0] / stride), body)[..., None]

        def along(axis: Tensor, at: Tensor, sigma: Tensor = sigma) -> Tensor:
            at = at[..., None]
            inside = (axis >= torch.floor(at - _CUT * sigma)) & (axis <= torch.ceil(at + _CUT * sigma))
            return torch.nan_to_num(torch.exp(-((axis - at) ** 2) / (2 * sigma**2)) * inside)

        drawn = along(rows, centre[..., 1])[..., :, None] * along(columns, centre[..., 0])[..., None, :]
        torch.maximum(maps[:n], drawn, out=maps[:n])
    return maps


def part_affinity_fields(
    keypoints: Tensor,
    scales: Tensor,
    skeleton: Skeleton,
    size: tuple[int, int],
    stride: float,
    counts: Sequence[int] | None = None,
) -> Tensor:
    """Draw part affinity fields of the people of B images; the arguments are those of ``confidence_maps``.

    Returns:
        float32 (B, 2L, h, w): x and y of each limb's unit vector, the mean where limbs of several people
        overlap.
    """
    device, limbs = keypoints.device, len(skeleton.limbs)
    fields = torch.zeros(len(keypoints), limbs, 2, *size, device=device)
    covered = torch.zeros(len(keypoints), limbs, *size, device=device)
    rows, columns = (torch.arange(n, device=device, dtype=torch.float32) for n in size)
    first, last = (torch.tensor(ends, device=device) for ends in zip(*skeleton.limbs, strict=True))
    for p, joints in enumerate(_by_person(keypoints, stride, counts)):
        n = len(joints)
        half = (_clipped(scales[:n, p], HALF_WIDTH) / stride)[:, None, None, None]
        start = joints[:, first]
        vector = joints[:, last] - start
        length = vector.norm(dim=-1)
        drawable = (length > 1e-3)[..., None, None]  # false for a limb of no length or with a NaN end
        unit = torch.nan_to_num(vector / length[..., None].clamp(min=1e-3))
        start, length = torch.nan_to_num(start), torch.nan_to_num(length)[..., None, None]
        x = (columns - start[..., 0, None])[..., None, :]
        y = (rows - start[..., 1, None])[..., :, None]
        ux, uy = unit[..., 0, None, None], unit[..., 1, None, None]
        along, across = ux * x + uy * y, ux * y - uy * x
        inside = (along >= -0.5) & (along <= length + 0.5) & (across.abs() <= half) & drawable
        fields[:n, :, 0] += inside * ux
        fields[:n, :, 1] += inside * uy
        covered[:n] += inside
    return (fields / covered.clamp(min=1)[:, :, None]).flatten(1, 2)
