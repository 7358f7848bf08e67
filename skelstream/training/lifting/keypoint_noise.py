"""Typical errors of pose estimators, added to projected joints: jitter, swapped sides, missing joints, hidden
legs.

The frequencies are those of refinement at annotated boxes of COCO's images: jitter 13 % of joints, inversion
4 %, swap 2 %, miss 7 % (Ruggero Ronchi and Perona, "Benchmarking and error diagnosis in multi-instance pose
estimation", ICCV 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from skelstream.skeleton import COCO17
from skelstream.training.lifting.cameras import Views

_FLIP = list(COCO17.flip_order)
_LEGS = [COCO17.index(f"{side}_{joint}") for joint in ("knee", "ankle") for side in ("left", "right")]
_ARMS = [COCO17.index(f"{side}_{joint}") for joint in ("elbow", "wrist") for side in ("left", "right")]
_HIDDEN_BEHIND = [COCO17.index(joint) for joint in ("nose", "left_eye", "right_eye")]
_LOWER = [COCO17.index(f"{side}_{joint}") for joint in ("hip", "knee", "ankle") for side in ("left", "right")]


@dataclass(frozen=True)
class KeypointErrors:
    """Sizes and frequencies of errors; frequencies are in [0, 1].

    Attributes:
        jitter: standard deviation of a joint's position, in falloffs of its object keypoint similarity.
        far: share of the joints with 2.5 times as much jitter.
        missing: share of the joints that are missing.
        inverted: share of the leg pairs (knees and ankles) and arm pairs (elbows and wrists) with exchanged
            sides.
        swapped: share of the joints that belong to another person: about half a person's size away.
        cut: share of the windows in which the legs are missing from some joint on downwards.
        lost: share of the windows in which the whole person is missing for some frames.
    """

    jitter: float = 0.28
    far: float = 0.13
    missing: float = 0.07
    inverted: float = 0.04
    swapped: float = 0.023
    cut: float = 0.1
    lost: float = 0.05


NO_ERRORS = KeypointErrors(0, 0, 0, 0, 0, 0, 0)
"""No errors."""


def add_errors(views: Views, errors: KeypointErrors, generator: torch.Generator) -> Tensor:
    """Return the views' keypoints with errors, float32 (B, T, 17, 2), NaN where missing."""
    true = views.keypoints
    count, frames, joints, _ = true.shape
    device = true.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=device)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=device)

    def periods(part: float, *shape: int) -> Tensor:
        """Return bool (B, T, *shape), true in a period of some windows, ``part`` of all frames."""
        begin, length = uniform(count, 1, *shape) * 2 - 1, uniform(count, 1, *shape)
        at = torch.linspace(0, 1, frames, device=device).view(1, frames, *(1 for _ in shape))
        # A period that begins at -1 to 1 and lasts 0 to 1 covers a quarter of the window on average.
        return (at >= begin) & (at <= begin + length) & (uniform(count, 1, *shape) < part * 4)

    extent = true.amax((1, 2)) - true.amin((1, 2))
    size = (0.5 * extent[:, 0] * extent[:, 1]).sqrt().clamp(min=0.2 * extent[:, 1])[:, None, None, None]
    falloff = 2 * torch.tensor(COCO17.oks_sigmas, device=device)[:, None] * size
    # Most of an error changes slowly; a part of it is new in each frame.
    at = torch.linspace(0, 1, frames, device=device).view(1, frames, 1, 1)
    slow = normal(count, 1, joints, 2) * (1 - at) + normal(count, 1, joints, 2) * at
    noise = 0.85 * slow + 0.5 * normal(count, frames, joints, 2)
    spread = torch.where(periods(errors.far, joints), 2.5, 1.0)[..., None]
    # Some people are easier to estimate than others.
    quality = 0.4 + 1.2 * uniform(count, 1, 1, 1)
    found = true + errors.jitter * quality * spread * falloff * noise
    for group in (_LEGS, _ARMS):
        which = periods(errors.inverted)[..., None, None]
        exchanged = found[:, :, _FLIP]
        found[:, :, group] = torch.where(which, exchanged[:, :, group], found[:, :, group])
    elsewhere = found + 0.5 * size * normal(count, 1, joints, 2)
    found = torch.where(periods(errors.swapped, joints)[..., None], elsewhere, found)
    gone = periods(errors.missing, joints) | periods(errors.lost, 1)
    if errors.missing:
        # Seen from behind, the face is usually missing: in 60 % of the windows.
        behind = (views.away > 0.3) & (uniform(count, 1) < 0.6)
        gone[..., _HIDDEN_BEHIND] |= behind[..., None]
    below = (uniform(count, 1) * 6).long() // 2 * 2
    out_of_sight = torch.arange(6, device=device) >= below
    gone[..., _LOWER] |= (out_of_sight & (uniform(count, 1) < errors.cut))[:, None]
    return torch.where(gone[..., None], torch.nan, found)
