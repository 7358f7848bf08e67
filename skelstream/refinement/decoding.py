"""Decoding of a top-down network's outputs to joints in the crop: heatmaps, and coordinates as classes (SimCC)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from skelstream.refinement.heatmaps import peaks
from skelstream.skeleton import Skeleton


class Decoding(Protocol):
    """Turns a network's outputs into joints."""

    def averaged(
        self, outputs: tuple[Tensor, ...], mirrored: tuple[Tensor, ...], joints: Skeleton
    ) -> tuple[Tensor, ...]:
        """Return the outputs of crops averaged with those of their mirror images."""
        ...

    def joints(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return positions float32 (B, V, 2) in crop pixels and scores float32 (B, V)."""
        ...


@dataclass(frozen=True)
class Heatmaps:
    """One output, float (B, V, h, w).

    Attributes:
        stride: crop pixels per cell; cell 0 is at pixel 0.
    """

    stride: float

    def averaged(
        self, outputs: tuple[Tensor, ...], mirrored: tuple[Tensor, ...], joints: Skeleton
    ) -> tuple[Tensor, ...]:
        unmirrored = mirrored[0][:, list(joints.flip_order)].flip(-1)
        # A cell stands for its first pixel, which becomes its last in the mirror: shift by one cell.
        unmirrored = torch.cat([unmirrored[..., :1], unmirrored[..., :-1]], -1)
        return ((outputs[0] + unmirrored) / 2,)

    def joints(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        places, scores = peaks(outputs[0])
        return places * self.stride, scores


@dataclass(frozen=True)
class SimCC:
    """Two outputs, float (B, V, W / stride) and (B, V, H / stride): how likely each x and each y is.

    Li et al., "SimCC: a Simple Coordinate Classification Perspective for Human Pose Estimation", ECCV 2022.

    Attributes:
        stride: crop pixels per class, 1 / 2 for the usual two classes per pixel.
    """

    stride: float

    def averaged(
        self, outputs: tuple[Tensor, ...], mirrored: tuple[Tensor, ...], joints: Skeleton
    ) -> tuple[Tensor, ...]:
        order = list(joints.flip_order)
        x, y = mirrored[0][:, order].flip(-1), mirrored[1][:, order]
        # Pixel p becomes W - 1 - p; with two classes per pixel, class i becomes W / stride - 1 / stride - i.
        shift = round(1 / self.stride) - 1
        if shift:
            x = torch.cat([x[..., shift:], x[..., -1:].expand(*x.shape[:-1], shift)], -1)
        return (outputs[0] + x) / 2, (outputs[1] + y) / 2

    def joints(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        (x_score, x), (y_score, y) = (output.float().max(-1) for output in outputs)
        return torch.stack([x, y], -1).float() * self.stride, torch.minimum(x_score, y_score)
