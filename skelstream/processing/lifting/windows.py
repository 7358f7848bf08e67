"""What a lifting network sees: a person's joints at the times of its frames, made independent of place and size."""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST_SPREAD = 1e-6


def relative_to_window(keypoints: Tensor) -> Tensor:
    """Places relative to the person in these frames, with a third number that says which joints were seen.

    The mean of all joints becomes 0; their spread about each frame's own mean becomes 1, so that somebody who crosses the
    image is as large as somebody who stands.

    Args:
        keypoints: float (B, T, V, 2) in any unit, NaN where missing.

    Returns:
        float (B, T, V, 3): x, y, 1; zeros where missing.
    """
    seen = keypoints.isfinite().all(-1, keepdim=True)
    places = torch.where(seen, keypoints, 0)
    count = seen.sum((1, 2), keepdim=True).clamp(min=1)
    centre = places.sum((1, 2), keepdim=True) / count
    own = places.sum(2, keepdim=True) / seen.sum(2, keepdim=True).clamp(min=1)
    squares = torch.where(seen, (places - own) ** 2, 0).sum((1, 2, 3), keepdim=True)
    spread = (squares / count).sqrt().clamp(min=_LEAST_SPREAD)
    return torch.cat([torch.where(seen, (places - centre) / spread, 0), seen.to(places.dtype)], -1)


def relative_to_image(keypoints: Tensor, size: tuple[int, int]) -> Tensor:
    """Places in the image: x from -1 to 1, y by the same unit.

    Args:
        keypoints: float (B, T, V, 2) pixels, NaN where missing.
        size: height and width of the image.

    Returns:
        float (B, T, V, 2). Such networks know no missing joints: these are held from the frames around, or at the person's middle.
    """
    height, width = size
    middle = keypoints.new_tensor([1.0, height / width])
    return _completed(keypoints) / width * 2 - middle


def _completed(keypoints: Tensor) -> Tensor:
    """Joints that are missing in a frame as in the nearest frame before that has them, else after; those of no frame at the person's middle."""
    seen = keypoints.isfinite().all(-1)
    frames = torch.arange(keypoints.shape[1], device=keypoints.device)[None, :, None]
    last = torch.where(seen, frames, -1).cummax(1).values
    first = torch.where(seen, frames, keypoints.shape[1]).flip(1).cummin(1).values.flip(1)
    nearest = torch.where(last >= 0, last, first.clamp(max=keypoints.shape[1] - 1))
    held = keypoints.gather(1, nearest[..., None].expand_as(keypoints))
    count = seen.sum((1, 2))[:, None, None, None].clamp(min=1)
    middle = torch.nan_to_num(keypoints).sum((1, 2), keepdim=True) / count
    return torch.where(held.isfinite(), held, middle)
