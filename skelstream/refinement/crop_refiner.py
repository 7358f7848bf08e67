"""A refiner around any network that takes crops of one size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skelstream.geometry.crops import MARGIN, crop_letterbox, cut
from skelstream.refinement.decoding import Decoding
from skelstream.skeleton import Skeleton


class CropJoints(NamedTuple):
    """What a network finds in a crop.

    Attributes:
        pixels: float32 (V, 2), positions in crop pixels.
        scores: float32 (V,), in [0, 1].
        side: how likely the crop shows a right hand, in [0, 1]; NaN from networks that do not tell.
    """

    pixels: np.ndarray
    scores: np.ndarray
    side: float


class CropRefiner:
    """A ``Refiner`` around a network that takes crops.

    Args:
        outputs: network, from uint8 RGB crops (H, W, 3) to its output tensors for each; several threads may call it at once.
        decoding: conversion of output tensors to joints.
        size: height and width of a crop in pixels.
        name, skeleton, weights_sha256: see ``Refiner``.
        flip: whether to average with the outputs of the mirrored crop.
        margin: size of the crop over the size of its box.

    Attributes:
        run: network and decoding together: from uint8 RGB crops to what is found in each. A caller that batches crops of
            several images replaces it.
    """

    def __init__(
        self,
        outputs: Callable[[Iterable[np.ndarray]], Sequence[tuple[Tensor, ...]]],
        decoding: Decoding,
        size: tuple[int, int],
        *,
        name: str,
        skeleton: Skeleton,
        weights_sha256: str,
        flip: bool = False,
        margin: float = MARGIN,
    ):
        self.name = f"{name}, mirrored too" if flip else name
        self.skeleton, self.weights_sha256, self.size = skeleton, weights_sha256, size
        self._outputs, self._decoding, self._flip, self._margin = outputs, decoding, flip, margin
        self.run: Callable[[Iterable[np.ndarray]], list[CropJoints]] = self._run

    def joints(
        self, image: np.ndarray, boxes: Sequence[np.ndarray] | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the joints of the person in each box; see ``Refiner``."""
        keypoints, scores, _ = self.joints_and_sides(image, boxes)
        return keypoints, scores

    def joints_and_sides(
        self, image: np.ndarray, boxes: Sequence[np.ndarray] | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return joints as ``joints`` does, and for each box how likely it shows a right hand: float32 (P,) in [0, 1], NaN from
        networks that do not tell."""
        if not len(boxes):
            count = len(self.skeleton)
            return (
                np.empty((0, count, 2), np.float32),
                np.empty((0, count), np.float32),
                np.empty(0, np.float32),
            )
        letterboxes = [crop_letterbox(box, self.size, self._margin) for box in boxes]
        found = self.run(cut(image, one.matrix, self.size) for one in letterboxes)
        keypoints = [one.to_image(crop.pixels) for one, crop in zip(letterboxes, found, strict=True)]
        return (
            np.stack(keypoints).astype(np.float32),
            np.stack([crop.scores for crop in found]),
            np.array([crop.side for crop in found], np.float32),
        )

    def _run(self, images: Iterable[np.ndarray]) -> list[CropJoints]:
        rows = self._averaged(list(images)) if self._flip else self._outputs(images)
        return self._decoded(tuple(torch.cat(column) for column in zip(*rows, strict=True)))

    def _averaged(self, images: list[np.ndarray]) -> list[tuple[Tensor, ...]]:
        """Return the outputs of crops averaged with those of their mirror images."""
        plain, mirrored = self._outputs(images), self._outputs(image[:, ::-1] for image in images)
        return [
            self._decoding.averaged(one, other, self.skeleton)
            for one, other in zip(plain, mirrored, strict=True)
        ]

    def _decoded(self, outputs: tuple[Tensor, ...]) -> list[CropJoints]:
        """Return what is found in each crop."""
        pixels, scores = self._decoding.joints(outputs)
        sides = self._decoding.sides(outputs)
        return [
            CropJoints(*crop)
            for crop in zip(
                pixels.cpu().numpy(),
                scores.clamp(0, 1).cpu().numpy(),
                [float("nan")] * len(pixels) if sides is None else sides.tolist(),
                strict=True,
            )
        ]
