"""Decoding of a top-down network's outputs to joints in the crop: heatmaps, coordinates as classes (SimCC), landmarks."""

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

    def sides(self, outputs: tuple[Tensor, ...]) -> Tensor | None:
        """Return how likely each crop shows a right hand, float32 (B,) in [0, 1]; None from networks that do not tell."""
        return None


@dataclass(frozen=True)
class Heatmaps(Decoding):
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
class SimCC(Decoding):
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


@dataclass(frozen=True)
class Landmarks(Decoding):
    """Positions as numbers, float (B, V, 2) in crop pixels, 0 being the edge of the first pixel; then what is named in ``beside``.

    All joints of a crop have one score: how sure the network is of what it looks for, 1 if it does not tell.

    Attributes:
        width: width of a crop in pixels.
        beside: further outputs, each float (B, 1), in their order: ``presence``, ``side`` or both.
        logits: whether those are logits instead of probabilities.
    """

    width: int
    beside: tuple[str, ...] = ()
    logits: bool = False

    def averaged(
        self, outputs: tuple[Tensor, ...], mirrored: tuple[Tensor, ...], joints: Skeleton
    ) -> tuple[Tensor, ...]:
        points = mirrored[0][:, list(joints.flip_order)]
        points = torch.stack([self.width - points[..., 0], points[..., 1]], -1)
        beside = []
        for name, one, other in zip(self.beside, outputs[1:], mirrored[1:], strict=True):
            if name == "side":  # a right hand becomes a left one
                other = -other if self.logits else 1 - other
            beside.append((one + other) / 2)
        return (outputs[0] + points) / 2, *beside

    def joints(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        points = outputs[0].float() - 0.5
        presence = self._beside("presence", outputs)
        if presence is None:
            presence = torch.ones(len(points))
        return points, presence[:, None].expand(points.shape[:2])

    def sides(self, outputs: tuple[Tensor, ...]) -> Tensor | None:
        return self._beside("side", outputs)

    def _beside(self, name: str, outputs: tuple[Tensor, ...]) -> Tensor | None:
        if name not in self.beside:
            return None
        values = outputs[1 + self.beside.index(name)][:, 0].float()
        return values.sigmoid() if self.logits else values
