"""The sequence of training samples: which image comes when, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
import torch

from skelstream.errors import FormatError, SourceError
from skelstream.skeleton import Skeleton
from skelstream.training.annotations import AnnotatedImage
from skelstream.training.augment import Augmentation, recolour, transform_points, view_matrix, warp
from skelstream.training.images import read_pixels
from skelstream.training.targets import confidence_maps, part_affinity_fields

# Samples after which the turns of the sets repeat.
_BLOCK = 100
# Unreadable images in a row before the set is given up.
_MOST_UNREADABLE = 100


@dataclass(frozen=True)
class SampleSource:
    """The endless, repeatable sequence of training samples: number n is the same whenever it is asked for.

    Attributes:
        sets: each set's images.
        weights: each set's share of the samples.
        how: the augmentation.
        skeleton: OpenPose's V joints and L limbs.
        stride: network-input pixels per map cell.
        seed: another seed is another sequence.
    """

    sets: list[list[AnnotatedImage]]
    weights: list[float]
    how: Augmentation
    skeleton: Skeleton
    stride: int
    seed: int = 0
    _orders: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, repr=False)

    @cached_property
    def _slots(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The sets of a block of samples in turn, each slot's rank among its set's, and the slots of each set."""
        counts = np.maximum(np.round(np.array(self.weights) / np.sum(self.weights) * _BLOCK), 1).astype(int)
        sets = np.random.default_rng([self.seed, 2]).permutation(np.repeat(np.arange(len(counts)), counts))
        ranks = np.array([np.sum(sets[:i] == k) for i, k in enumerate(sets)])
        return sets, ranks, counts

    def pick(self, number: int, skip: int = 0) -> AnnotatedImage:
        """Sample ``number``'s image: sets take turns by weight, each walks through its images in shuffled rounds.

        Args:
            skip: take the image so many places further on in the same set.
        """
        sets, ranks, counts = self._slots
        block, slot = divmod(number, len(sets))
        which = int(sets[slot])
        images = self.sets[which]
        turn = block * int(counts[which]) + int(ranks[slot]) + skip
        round_, place = divmod(turn, len(images))
        if (which, round_) not in self._orders:
            for old in [key for key in self._orders if key[0] == which]:
                del self._orders[old]
            self._orders[which, round_] = np.random.default_rng([self.seed, which, round_]).permutation(
                len(images)
            )
        return images[self._orders[which, round_][place]]

    def __getitem__(self, number: int) -> dict[str, torch.Tensor | str]:
        """Sample ``number``.

        An image that cannot be read is replaced by the next one of its set that can.

        Returns:
            ``image`` uint8 (3, S, S); ``confidence`` (V, s, s) and ``pafs`` (2L, s, s); the loss is masked by the
            product of ``ground`` (s, s) and ``known_joints`` (V,) or ``known_limbs`` (2L,), 0 where nothing is
            known; ``unreadable`` names an image that could not be read, or is empty.

        Raises:
            FormatError: too many images in a row cannot be read.
        """
        unreadable = ""
        for skip in range(_MOST_UNREADABLE):
            labels = self.pick(number, skip)
            try:
                pixels = read_pixels(labels)
            except SourceError as error:
                unreadable = unreadable or str(error)
                continue
            arrays = self._sample(number, labels, pixels)
            return {name: torch.from_numpy(array) for name, array in arrays.items()} | {
                "unreadable": unreadable
            }
        raise FormatError(f"{_MOST_UNREADABLE} images in a row cannot be read, the first: {unreadable}")

    def _sample(self, number: int, labels: AnnotatedImage, image: np.ndarray) -> dict[str, np.ndarray]:
        rng = np.random.default_rng([self.seed, 1 << 20, number])
        about = (
            labels.boxes[rng.integers(len(labels.boxes))] if rng.random() < 0.85 or labels.partial else None
        )
        matrix, mirrored = view_matrix(rng, image.shape[:2], about, self.how)
        image = recolour(rng, warp(image, matrix, self.how.crop), self.how)
        keypoints = transform_points(matrix, labels.keypoints)
        if mirrored:
            keypoints = keypoints[:, self.skeleton.flip_order]
        zoom = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        cells = self.how.crop // self.stride
        arguments = (keypoints, labels.scales * zoom, self.skeleton, (cells, cells), self.stride)
        # A joint that any of a partial set's people lacks may be seen in the picture all the same.
        known = np.isfinite(keypoints[..., 0]).all(0) if labels.partial else np.ones(len(self.skeleton), bool)
        limbs = np.array([known[a] and known[b] for a, b in self.skeleton.limbs])
        return {
            "image": np.ascontiguousarray(image.transpose(2, 0, 1)),
            "confidence": confidence_maps(*arguments),
            "pafs": part_affinity_fields(*arguments),
            "ground": self._ground(labels, matrix, cells),
            "known_joints": known.astype(np.float32),
            "known_limbs": np.repeat(limbs, 2).astype(np.float32),
        }

    def _ground(self, labels: AnnotatedImage, matrix: np.ndarray, cells: int) -> np.ndarray:
        """float32 (cells, cells): 0 where people may be that nobody labelled."""
        ground = np.ones((cells, cells), np.float32)
        if labels.partial:
            ground[:] = 0
            self._paint(ground, labels.boxes, matrix, 1.0, margin=0.15)
        self._paint(ground, labels.ignore, matrix, 0.0)
        # A crowd's box often covers labelled people, whose own boxes are known ground.
        if len(labels.ignore) and not labels.partial:
            self._paint(ground, labels.boxes, matrix, 1.0)
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
