"""Multi-scale testing: maps averaged over scales of the input and its mirror image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from skelstream.geometry.letterbox import PADDING_GREY
from skelstream.network.part_maps import PartMaps
from skelstream.runtimes.runtime import Runtime
from skelstream.skeleton import Skeleton


class AveragingRuntime:
    """Runtime that runs another one at several scales, optionally mirrored too, and averages the maps.

    The result has the cells of scale 1; maps of other scales are resampled bilinearly. OpenPose averages over
    scales in the same way (Cao et al., arXiv 1812.08008, section 5.2).

    Args:
        runtime: runtime that runs the network.
        scales: factors of the input's height and width, at least one.
        flip: whether to run the mirror image at each scale too.
    """

    def __init__(self, runtime: Runtime, scales: Sequence[float] = (1.0,), flip: bool = False):
        self.skeleton, self.size_divisor, self.batch = runtime.skeleton, runtime.size_divisor, runtime.batch
        self.torch_threads = runtime.torch_threads
        factors = " + ".join(f"{scale:g}" for scale in scales)
        self.name = f"{runtime.name}, scales {factors}{', mirrored too' if flip else ''}"
        self._runtime, self._scales, self._flip = runtime, tuple(scales), flip

    def maps(self, images: np.ndarray) -> PartMaps:
        """Return the averaged maps of uint8 RGB images (B, H, W, 3)."""
        found: list[PartMaps] = []
        for scale in self._scales:
            scaled, ratio = _scaled(images, scale, self.size_divisor)
            passes = [self._runtime.maps(scaled)]
            if self._flip:
                mirrored = self._runtime.maps(np.ascontiguousarray(scaled[:, :, ::-1]))
                passes.append(unmirrored(mirrored, self.skeleton))
            for maps in passes:
                shape = (images.shape[1] // maps.stride, images.shape[2] // maps.stride)
                confidence = _at_cells(maps.confidence, shape, ratio)
                found.append(PartMaps(confidence, _at_cells(maps.pafs, shape, ratio), maps.stride))
        confidence = torch.stack([maps.confidence for maps in found]).mean(0)
        return PartMaps(confidence, torch.stack([maps.pafs for maps in found]).mean(0), found[0].stride)


def unmirrored(maps: PartMaps, skeleton: Skeleton) -> PartMaps:
    """Convert the maps of mirrored images to maps of the original images.

    Columns are reversed, left and right joints and limbs swap, and the x part of fields changes its sign. A
    limb from one side to the other (hip to hip) stays the same limb with reversed direction.
    """
    joints = list(skeleton.flip_order)
    channels: list[int] = []
    along: list[float] = []
    for a, b in skeleton.limbs:
        across = (joints[a], joints[b]) == (b, a)
        limb = skeleton.limbs.index((a, b) if across else (joints[a], joints[b]))
        channels += [2 * limb, 2 * limb + 1]
        along += [1.0, -1.0] if across else [-1.0, 1.0]
    signs = torch.tensor(along, dtype=maps.pafs.dtype, device=maps.pafs.device)
    pafs = maps.pafs[:, channels].flip(-1) * signs[:, None, None]
    return PartMaps(maps.confidence[:, joints].flip(-1), pafs, maps.stride)


def _scaled(images: np.ndarray, scale: float, size_divisor: int) -> tuple[np.ndarray, tuple[float, float]]:
    """Return images scaled and padded to a size that the network takes, and the factors of height and
    width."""
    if scale == 1:
        return images, (1.0, 1.0)
    height, width = images.shape[1:3]
    h, w = max(1, round(height * scale)), max(1, round(width * scale))
    filter_ = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    out = np.full((len(images), h + -h % size_divisor, w + -w % size_divisor, 3), PADDING_GREY, np.uint8)
    for image, place in zip(images, out, strict=True):
        place[:h, :w] = cv2.resize(image, (w, h), interpolation=filter_)
    return out, (h / height, w / width)


def _at_cells(maps: Tensor, shape: tuple[int, int], ratio: tuple[float, float]) -> Tensor:
    """Resample maps of scaled images, float (B, C, h, w), at the cells of scale 1: float32 (B, C, *shape).

    The centre of cell i of scale 1 is (i + 0.5) * stride pixels from the image's edge, which is (i + 0.5) *
    ratio cells of the scaled image's maps.
    """
    maps = maps.float()
    if ratio == (1.0, 1.0):
        return maps
    y, x = (
        2 * (torch.arange(cells, device=maps.device) + 0.5) * factor / size - 1
        for cells, factor, size in zip(shape, ratio, maps.shape[-2:], strict=True)
    )
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).expand(len(maps), -1, -1, -1)
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)
