"""Output of the detection network: confidence maps and part affinity fields on its device."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class PartMaps:
    """Confidence maps and part affinity fields of a batch (OpenPose, sections 3.1 to 3.3).

    A map cell in column i corresponds to input pixel ``stride * (i + 0.5) - 0.5`` (rows likewise): the centre
    of the ``stride`` x ``stride`` block of pixels that it covers.

    Attributes:
        confidence: float (B, V, h, w), confidence maps, about 0 to 1, one channel per joint, no background
            channel.
        pafs: float (B, 2L, h, w), part affinity fields; channels 2l and 2l+1 are x and y of limb l's unit
            vector, which points from the limb's first joint to its second.
        stride: network-input pixels per cell, 4 or 8.
    """

    confidence: torch.Tensor
    pafs: torch.Tensor
    stride: int
