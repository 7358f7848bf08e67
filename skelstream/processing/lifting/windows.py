"""Normalisation of windows for lifting networks, by the window itself or by the image."""

from __future__ import annotations

import torch
from torch import Tensor

_MIN_SPREAD = 1e-6


def relative_to_window(keypoints: Tensor) -> Tensor:
    """Return joints with mean 0 and spread 1: float (B, T, V, 3) with x, y, 1; zeros where missing.

    The spread is taken about each frame's own mean, so that a person who crosses the image has the same size
    as one who stands still.

    Args:
        keypoints: float (B, T, V, 2) in any unit, NaN where missing.
    """
    seen = keypoints.isfinite().all(-1, keepdim=True)
    positions = torch.where(seen, keypoints, 0)
    count = seen.sum((1, 2), keepdim=True).clamp(min=1)
    centre = positions.sum((1, 2), keepdim=True) / count
    frame_centre = positions.sum(2, keepdim=True) / seen.sum(2, keepdim=True).clamp(min=1)
    squares = torch.where(seen, (positions - frame_centre) ** 2, 0).sum((1, 2, 3), keepdim=True)
    spread = (squares / count).sqrt().clamp(min=_MIN_SPREAD)
    return torch.cat([torch.where(seen, (positions - centre) / spread, 0), seen.to(positions.dtype)], -1)


def relative_to_image(keypoints: Tensor, size: tuple[int, int]) -> Tensor:
    """Return joints relative to the image: float (B, T, V, 2), x from -1 to 1, y in the same unit.

    Networks with this input take no missing joints; ``_completed`` fills them.

    Args:
        keypoints: float (B, T, V, 2), pixels, NaN where missing.
        size: height and width of the image in pixels.
    """
    height, width = size
    middle = keypoints.new_tensor([1.0, height / width])
    return _completed(keypoints) / width * 2 - middle


def _completed(keypoints: Tensor) -> Tensor:
    """Return missing joints filled from the last frame that has them, else the next, else by the mean."""
    seen = keypoints.isfinite().all(-1)
    frames = torch.arange(keypoints.shape[1], device=keypoints.device)[None, :, None]
    last = torch.where(seen, frames, -1).cummax(1).values
    first = torch.where(seen, frames, keypoints.shape[1]).flip(1).cummin(1).values.flip(1)
    nearest = torch.where(last >= 0, last, first.clamp(max=keypoints.shape[1] - 1))
    held = keypoints.gather(1, nearest[..., None].expand_as(keypoints))
    count = seen.sum((1, 2))[:, None, None, None].clamp(min=1)
    middle = torch.nan_to_num(keypoints).sum((1, 2), keepdim=True) / count
    return torch.where(held.isfinite(), held, middle)
