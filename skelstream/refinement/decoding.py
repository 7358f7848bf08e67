"""From what a top-down network gives to joints in its crop: of heatmaps, and of coordinates as classes (SimCC)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from skelstream.refinement.heatmaps import peaks
from skelstream.skeleton import Skeleton


class Decoding(Protocol):
    """What a network's outputs mean."""

    def averaged(
        self, outputs: tuple[Tensor, ...], mirrored: tuple[Tensor, ...], joints: Skeleton
    ) -> tuple[Tensor, ...]:
        """Outputs for crops, averaged with those for their mirror images."""
        ...

    def joints(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Places (B, V, 2) in pixels of the crop, float32, and scores (B, V)."""
        ...


@dataclass(frozen=True)
class Heatmaps:
    """One output, float (B, V, h, w).

    Attributes:
        stride: pixels of the crop a cell, cell 0 being pixel 0.
    """

    stride: float

    def averaged(
        self, outputs: tuple[Tensor, ...], mirrored: tuple[Tensor, ...], joints: Skeleton
    ) -> tuple[Tensor, ...]:
        turned = mirrored[0][:, list(joints.flip_order)].flip(-1)
        # A cell stands for its first pixel, which mirrored is its last: a cell further lies what is meant.
        turned = torch.cat([turned[..., :1], turned[..., :-1]], -1)
        return ((outputs[0] + turned) / 2,)

    def joints(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        places, scores = peaks(outputs[0])
        return places * self.stride, scores


@dataclass(frozen=True)
class SimCC:
    """Two outputs, float (B, V, W / stride) and (B, V, H / stride): how likely each x and each y is.

    Li et al., "SimCC: a Simple Coordinate Classification Perspective for Human Pose Estimation", ECCV 2022.

    Attributes:
        stride: pixels of the crop a class, 1 / 2 for the usual two classes a pixel.
    """

    stride: float

    def averaged(
        self, outputs: tuple[Tensor, ...], mirrored: tuple[Tensor, ...], joints: Skeleton
    ) -> tuple[Tensor, ...]:
        order = list(joints.flip_order)
        x, y = mirrored[0][:, order].flip(-1), mirrored[1][:, order]
        # Pixel p becomes W - 1 - p: with two classes a pixel, class i becomes W / stride - 1 / stride - i.
        shift = round(1 / self.stride) - 1
        if shift:
            x = torch.cat([x[..., shift:], x[..., -1:].expand(*x.shape[:-1], shift)], -1)
        return (outputs[0] + x) / 2, (outputs[1] + y) / 2

    def joints(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        (x_score, x), (y_score, y) = (output.float().max(-1) for output in outputs)
        return torch.stack([x, y], -1).float() * self.stride, torch.minimum(x_score, y_score)
