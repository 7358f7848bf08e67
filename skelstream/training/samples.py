"""Training samples of the bottom-up network: random views of annotated images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from skelstream.errors import FormatError, SettingsError, SourceError
from skelstream.skeleton import Skeleton
from skelstream.training.annotations import AnnotatedImage
from skelstream.training.augment import Augmentation, recolour, transform_points, view_matrix, warp
from skelstream.training.image_store import read_pixels
from skelstream.training.sampling_order import Item, Turns

# Unreadable images in a row before the set is given up.
_MOST_UNREADABLE = 100
# View pixels beyond its edge from which on a person leaves no trace in the maps.
_NEAR = 40.0
# Somebody with fewer labelled joints is half hidden.
_HALF_HIDDEN = 8
# View pixels: the length of a box below which a person is small.
_SMALL = 120.0


@dataclass(frozen=True)
class Emphasis:
    """Whose surroundings count more in the loss.

    Attributes:
        small: greatest weight of small people; it falls with their size to 1 at 120 view pixels.
        hidden: weight of people with fewer than eight labelled joints.
    """

    small: float = 1.0
    hidden: float = 1.0

    def __post_init__(self) -> None:
        if min(self.small, self.hidden) < 1:
            raise SettingsError("small and hidden must be at least 1")

    def of(self, labels: AnnotatedImage, zoom: float) -> np.ndarray:
        """The weight of each person's box, float (P,), in a view of that zoom."""
        length = zoom * (labels.boxes[:, 2:] - labels.boxes[:, :2]).max(1)
        small = np.clip(_SMALL / np.maximum(length, 1.0), 1.0, self.small)
        joints = np.isfinite(labels.keypoints[..., 0]).sum(1)
        return np.maximum(small, np.where(joints < _HALF_HIDDEN, self.hidden, 1.0))


def first_readable(
    turns: Turns[Item], number: int, read: Callable[[Item], np.ndarray]
) -> tuple[Item, np.ndarray, str]:
    """Sample ``number``'s item, or the next one of its set whose image can be read.

    Returns:
        The item, its image's pixels, and the message of an image that could not be read, or "".

    Raises:
        FormatError: too many images in a row cannot be read.
    """
    unreadable = ""
    for skip in range(_MOST_UNREADABLE):
        item = turns.pick(number, skip)
        try:
            return item, read(item), unreadable
        except SourceError as error:
            unreadable = unreadable or str(error)
    raise FormatError(f"{_MOST_UNREADABLE} images in a row cannot be read, the first: {unreadable}")


@dataclass(frozen=True)
class ViewSource:
    """The endless, repeatable sequence of training samples: number n is the same whenever it is asked for.

    Attributes:
        turns: the order of the images.
        how: the augmentation.
        skeleton: OpenPose's V joints and L limbs.
        stride: network-input pixels per map cell.
        emphasis: which people weigh more.
        read: an image's pixels.
    """

    turns: Turns[AnnotatedImage]
    how: Augmentation
    skeleton: Skeleton
    stride: int
    emphasis: Emphasis = field(default_factory=Emphasis)
    read: Callable[[AnnotatedImage], np.ndarray] = read_pixels

    def __getitem__(self, number: int) -> dict[str, Tensor | str]:
        """Sample ``number``.

        Returns:
            ``image`` uint8 (3, S, S); ``keypoints`` float32 (P, V, 2) of the people in view and ``scales`` (P,), in
            view pixels; the loss is weighted by the product of ``ground`` (s, s) and ``known_joints`` (V,) or
            ``known_limbs`` (2L,), 0 where nothing is known; ``unreadable`` names an image that could not be read, or
            is empty.

        Raises:
            FormatError: too many images in a row cannot be read.
        """
        labels, pixels, unreadable = first_readable(self.turns, number, self.read)
        arrays = self._sample(number, labels, pixels)
        return {name: torch.from_numpy(array) for name, array in arrays.items()} | {"unreadable": unreadable}

    def _sample(self, number: int, labels: AnnotatedImage, image: np.ndarray) -> dict[str, np.ndarray]:
        rng = np.random.default_rng([self.turns.seed, 1 << 20, number])
        about = (
            labels.boxes[rng.integers(len(labels.boxes))] if rng.random() < 0.85 or labels.partial else None
        )
        matrix, mirrored = view_matrix(rng, image.shape[:2], about, self.how)
        image = recolour(rng, warp(image, matrix, self.how.crop), self.how)
        keypoints = transform_points(matrix, labels.keypoints)
        if mirrored:
            keypoints = keypoints[:, self.skeleton.flip_order]
        zoom = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        # A joint that any of a partial set's people lacks may be seen in the image all the same.
        known = np.ones(len(self.skeleton), bool)
        if labels.partial:
            known[:] = np.isfinite(keypoints[..., 0]).all(0)
        limbs = np.array([known[a] and known[b] for a, b in self.skeleton.limbs])
        with np.errstate(invalid="ignore"):
            near = np.all((keypoints > -_NEAR) & (keypoints < self.how.crop + _NEAR), axis=-1)
            # A limb may cross the view between joints that lie outside.
            across = (np.nanmin(keypoints, 1) < self.how.crop) & (np.nanmax(keypoints, 1) > 0)
        seen = np.any(near, axis=1) | np.all(across, axis=1)
        return {
            "image": np.ascontiguousarray(image.transpose(2, 0, 1)),
            "keypoints": keypoints[seen].astype(np.float32),
            "scales": (labels.scales[seen] * zoom).astype(np.float32),
            "ground": self._ground(labels, matrix, zoom),
            "known_joints": known.astype(np.float32),
            "known_limbs": np.repeat(limbs, 2).astype(np.float32),
        }

    def _ground(self, labels: AnnotatedImage, matrix: np.ndarray, zoom: float) -> np.ndarray:
        """float32 (cells, cells): 0 where people may be that nobody labelled, above 1 where the emphasis lies."""
        cells = self.how.crop // self.stride
        ground = np.ones((cells, cells), np.float32)
        if labels.partial:
            ground[:] = 0
            self._paint(ground, labels.boxes, matrix, 1.0, margin=0.15)
        self._paint(ground, labels.ignore, matrix, 0.0)
        # A crowd's box often covers labelled people, whose own boxes are known ground.
        if len(labels.ignore) and not labels.partial:
            self._paint(ground, labels.boxes, matrix, 1.0)
        weights = self.emphasis.of(labels, zoom)
        for i in np.argsort(weights):  # where people overlap, the greatest weight counts
            if weights[i] > 1:
                covered = np.zeros_like(ground)
                self._paint(covered, labels.boxes[i : i + 1], matrix, float(weights[i]), margin=0.1)
                ground = np.where((covered > 0) & (ground > 0), covered, ground)
        return ground

    def _paint(
        self, ground: np.ndarray, boxes: np.ndarray, matrix: np.ndarray, value: float, margin: float = 0
    ) -> None:
        for x0, y0, x1, y1 in boxes:
            dx, dy = margin * (x1 - x0), margin * (y1 - y0)
            corners = np.array(
                [[x0 - dx, y0 - dy], [x1 + dx, y0 - dy], [x1 + dx, y1 + dy], [x0 - dx, y1 + dy]]
            )
            cells = (transform_points(matrix, corners) + 0.5) / self.stride - 0.5
            cv2.fillConvexPoly(ground, np.round(cells).astype(np.int32), value)


def collate_views(samples: Sequence[dict[str, Any]]) -> dict[str, object]:
    """A batch of views, those with most people first.

    Returns:
        The samples' arrays with a leading B; ``keypoints`` (B, P, V, 2) and ``scales`` (B, P) are padded with NaN and
        ones to the greatest number of people, ``counts`` says how many there are; ``unreadable`` is a list.
    """
    samples = sorted(samples, key=lambda sample: -len(sample["scales"]))
    most = len(samples[0]["scales"])
    batch: dict[str, object] = {"counts": [len(sample["scales"]) for sample in samples]}
    for name in samples[0]:
        values = [sample[name] for sample in samples]
        if name in ("keypoints", "scales"):
            fill = torch.nan if name == "keypoints" else 1.0
            padded = torch.full((len(values), most, *values[0].shape[1:]), fill)
            for row, value in zip(padded, values, strict=True):
                row[: len(value)] = value
            batch[name] = padded
        else:
            batch[name] = values if name == "unreadable" else torch.stack(values)
    return batch
