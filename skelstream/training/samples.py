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
from skelstream.training.sampling_order import Item, SamplingOrder

# Number of unreadable images in a row after which reading ends with an error.
_MOST_UNREADABLE = 100
# View pixels: a person farther than this outside the view does not affect the maps.
_NEAR = 40.0
# A person with fewer labelled joints is half hidden.
_HALF_HIDDEN = 8
# View pixels: a person with a shorter box is small.
_SMALL = 120.0


@dataclass(frozen=True)
class Emphasis:
    """Weights of small and of half-hidden people in the loss, at least 1.

    Attributes:
        small: greatest weight of small people; the weight falls with their size to 1 at 120 view pixels.
        hidden: weight of people with fewer than eight labelled joints.
    """

    small: float = 1.0
    hidden: float = 1.0

    def __post_init__(self) -> None:
        if min(self.small, self.hidden) < 1:
            raise SettingsError("small and hidden must be at least 1")

    def weights(self, labels: AnnotatedImage, zoom: float) -> np.ndarray:
        """Return the weight of each person's box, float (P,), in a view with this zoom."""
        length = zoom * (labels.boxes[:, 2:] - labels.boxes[:, :2]).max(1)
        small = np.clip(_SMALL / np.maximum(length, 1.0), 1.0, self.small)
        joints = np.isfinite(labels.keypoints[..., 0]).sum(1)
        return np.maximum(small, np.where(joints < _HALF_HIDDEN, self.hidden, 1.0))


def first_readable(
    order: SamplingOrder[Item], number: int, read: Callable[[Item], np.ndarray]
) -> tuple[Item, np.ndarray, str]:
    """Return the item of sample ``number``, or the next item of its set with a readable image.

    Returns:
        The item, its image's pixels, and the error message of the first unreadable image, or "".

    Raises:
        FormatError: too many images in a row cannot be read.
    """
    unreadable = ""
    for skip in range(_MOST_UNREADABLE):
        item = order.pick(number, skip)
        try:
            return item, read(item), unreadable
        except SourceError as error:
            unreadable = unreadable or str(error)
    raise FormatError(f"{_MOST_UNREADABLE} images in a row cannot be read, the first: {unreadable}")


@dataclass(frozen=True)
class ViewSource:
    """The endless sequence of training samples; a sample depends only on its number.

    Attributes:
        order: order of the images.
        augmentation: random changes of the views.
        skeleton: OpenPose's V joints and L limbs.
        stride: network-input pixels per map cell.
        emphasis: weights of small and of half-hidden people.
        read: returns an image's pixels.
    """

    order: SamplingOrder[AnnotatedImage]
    augmentation: Augmentation
    skeleton: Skeleton
    stride: int
    emphasis: Emphasis = field(default_factory=Emphasis)
    read: Callable[[AnnotatedImage], np.ndarray] = read_pixels

    def __getitem__(self, number: int) -> dict[str, Tensor | str]:
        """Return sample ``number``.

        Returns:
            ``image``, uint8 (3, S, S); ``keypoints``, float32 (P, V, 2), and ``scales``, float32 (P,), of the
            people in view, in view pixels; ``ground``, float32 (s, s), ``known_joints``, float32 (V,), and
            ``known_limbs``, float32 (2L,), whose products weight the loss and are 0 where labels are
            incomplete; ``unreadable``, the error message of an unreadable image, or "".

        Raises:
            FormatError: too many images in a row cannot be read.
        """
        labels, pixels, unreadable = first_readable(self.order, number, self.read)
        arrays = self._sample(number, labels, pixels)
        return {name: torch.from_numpy(array) for name, array in arrays.items()} | {"unreadable": unreadable}

    def _sample(self, number: int, labels: AnnotatedImage, image: np.ndarray) -> dict[str, np.ndarray]:
        rng = np.random.default_rng([self.order.seed, 1 << 20, number])
        about = (
            labels.boxes[rng.integers(len(labels.boxes))] if rng.random() < 0.85 or labels.partial else None
        )
        matrix, mirrored = view_matrix(rng, image.shape[:2], about, self.augmentation)
        image = recolour(rng, warp(image, matrix, self.augmentation.crop), self.augmentation)
        keypoints = transform_points(matrix, labels.keypoints)
        if mirrored:
            keypoints = keypoints[:, self.skeleton.flip_order]
        zoom = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        # In a partial set, a joint without a label may still be visible.
        known = np.ones(len(self.skeleton), bool)
        if labels.partial:
            known[:] = np.isfinite(keypoints[..., 0]).all(0)
        limbs = np.array([known[a] and known[b] for a, b in self.skeleton.limbs])
        with np.errstate(invalid="ignore"):
            near = np.all((keypoints > -_NEAR) & (keypoints < self.augmentation.crop + _NEAR), axis=-1)
            # A limb may cross the view between two joints outside of it.
            across = (np.nanmin(keypoints, 1) < self.augmentation.crop) & (np.nanmax(keypoints, 1) > 0)
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
        """Return weights, float32 (cells, cells): 0 where labels are incomplete, above 1 for emphasis."""
        cells = self.augmentation.crop // self.stride
        ground = np.ones((cells, cells), np.float32)
        if labels.partial:
            ground[:] = 0
            self._paint(ground, labels.boxes, matrix, 1.0, margin=0.15)
        self._paint(ground, labels.ignore, matrix, 0.0)
        # A crowd's box often covers labelled people; inside their own boxes everything is labelled.
        if len(labels.ignore) and not labels.partial:
            self._paint(ground, labels.boxes, matrix, 1.0)
        weights = self.emphasis.weights(labels, zoom)
        for i in np.argsort(weights):  # the greatest weight counts where people overlap
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
    """Return a batch of B views, sorted by falling number of people.

    Returns:
        The samples' arrays with a leading dimension B; ``keypoints`` (B, P, V, 2) and ``scales`` (B, P) are
        padded with NaN and ones to the greatest number of people; ``counts``, the number of people of each
        view; ``unreadable``, a list.
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
