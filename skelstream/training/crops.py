"""Training samples of the top-down network: crops of people as a first look cuts them, and as the labels would.

The network will see the boxes that a first look makes, which are moved, too small, of half a body, or around nobody.
Each sample therefore has two crops of one person: the one that is learned from, by a box as the first look gives it,
and the one by the annotated box, which a teacher looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from skelstream.geometry.crops import crop_letterbox, cut, joints_boxes
from skelstream.skeleton import COCO17, OPENPOSE18
from skelstream.training.annotations import AnnotatedImage
from skelstream.training.augment import Recolouring, recolour, transform_points
from skelstream.training.detected_people import NOBODY, Found
from skelstream.training.image_store import read_pixels
from skelstream.training.samples import first_readable
from skelstream.training.sampling_order import Turns

_ROWS = [OPENPOSE18.index(name) for name in COCO17.joints]
_UPPER = [
    i for i, name in enumerate(COCO17.joints) if name.rpartition("_")[2] not in ("hip", "knee", "ankle")
]
_LOWER = [i for i in range(len(COCO17)) if i not in _UPPER]


@dataclass(frozen=True)
class CropAugmentation(Recolouring):
    """Which boxes crops are made by, and how far they may be from them.

    Attributes:
        found: chance that the box is one that the first look found for the person, where it did.
        half: chance that it is the box of the upper or lower half of the body's labelled joints instead.
        nobody: chance that the crop shows nobody, in an image where the first look found somebody who is not there.
        shift: deviation of the box's place, as a part of its length.
        zoom: deviation of the crop's size, as a logarithm.
        rotation: greatest turn in degrees, either way, of ``turned`` of the crops.
        turned: chance of a turn.
        flip: chance of a mirror image.
        blur: chance of a blur.
    """

    found: float = 0.7
    half: float = 0.1
    nobody: float = 0.4
    shift: float = 0.03
    zoom: float = 0.1
    rotation: float = 20.0
    turned: float = 0.3
    flip: float = 0.5
    blur: float = 0.05
    colour: float = 0.25
    occlusion: float = 0.1


@dataclass(frozen=True)
class Subject:
    """An annotated person as an item of a set, with what the first look found in the image.

    Attributes:
        image: the annotated image.
        row: the person's among the image's.
        found: float32 (F, 4), boxes that the first look found for the person.
        nobody: float32 (G, 4), boxes in the image that it found where nobody is.
    """

    image: AnnotatedImage
    row: int
    found: np.ndarray
    nobody: np.ndarray


def subjects(images: Sequence[AnnotatedImage], found: Sequence[Found], min_length: float) -> list[Subject]:
    """The annotated people of a set whose boxes are at least so many pixels long."""
    result = []
    for image, one in zip(images, found, strict=True):
        lengths = (image.boxes[:, 2:] - image.boxes[:, :2]).max(1)
        nobody = one.boxes[one.person == NOBODY]
        for row in np.flatnonzero(lengths >= min_length):
            result.append(Subject(image, int(row), one.boxes[one.person == row], nobody))
    return result


@dataclass(frozen=True)
class CropSource:
    """The endless, repeatable sequence of training samples: number n is the same whenever it is asked for.

    Attributes:
        turns: the order of the people.
        how: the augmentation.
        size: height and width of a crop.
        read: an image's pixels.
    """

    turns: Turns[Subject]
    how: CropAugmentation
    size: tuple[int, int]
    read: Callable[[AnnotatedImage], np.ndarray] = read_pixels

    def __getitem__(self, number: int) -> dict[str, Tensor | str]:
        """Sample ``number``.

        Returns:
            ``image`` uint8 (3, H, W), the crop to learn from; ``keypoints`` float32 (17, 2), the labelled joints in its
            pixels, NaN where unlabelled; ``scale``, root of the person's area in its pixels; ``somebody`` 0 where it
            shows nobody; ``teacher_image`` uint8 (3, H, W), the crop by the annotated box; ``to_teacher`` float32
            (2, 3), from the one's pixels to the other's; ``mirrored``: left and right are exchanged between them;
            ``unreadable`` names an image that could not be read, or is empty.

        Raises:
            FormatError: too many images in a row cannot be read.
        """
        subject, pixels, unreadable = first_readable(self.turns, number, lambda one: self.read(one.image))
        rng = np.random.default_rng([self.turns.seed, 1 << 20, number])
        image, row = subject.image, subject.row
        nobody = len(subject.nobody) > 0 and rng.random() < self.how.nobody
        keypoints = image.keypoints[row, _ROWS].astype(np.float64)
        if nobody:
            box = subject.nobody[rng.integers(len(subject.nobody))]
        else:
            box = self._box(rng, subject, keypoints)
        matrix, mirrored = self._matrix(rng, box)
        crop = recolour(rng, cut(pixels, matrix, self.size), self.how)
        if rng.random() < self.how.blur:
            crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.5, 1.5))
        keypoints = transform_points(matrix, keypoints)
        to_teacher = crop_letterbox(image.boxes[row], self.size).matrix
        teacher_crop = np.zeros_like(crop) if nobody else cut(pixels, to_teacher, self.size)
        linear = to_teacher[:, :2] @ np.linalg.inv(matrix[:, :2])
        between = np.column_stack([linear, to_teacher[:, 2] - linear @ matrix[:, 2]])
        zoom = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        return {
            "image": _channels_first(crop),
            "keypoints": torch.from_numpy(keypoints[COCO17.flip_order,] if mirrored else keypoints).float(),
            "scale": torch.tensor(image.scales[row] * zoom, dtype=torch.float32),
            "somebody": torch.tensor(float(not nobody)),
            "teacher_image": _channels_first(teacher_crop),
            "to_teacher": torch.from_numpy(between).float(),
            "mirrored": torch.tensor(mirrored),
            "unreadable": unreadable,
        }

    def _box(self, rng: np.random.Generator, subject: Subject, keypoints: np.ndarray) -> np.ndarray:
        chance = rng.random()
        if chance < self.how.half:
            half = _UPPER if rng.random() < 0.7 else _LOWER
            if np.isfinite(keypoints[half, 0]).sum() > 2:
                return joints_boxes(keypoints[None, half])[0]
        if chance < self.how.half + self.how.found and len(subject.found):
            return subject.found[rng.integers(len(subject.found))]
        return subject.image.boxes[subject.row]

    def _matrix(self, rng: np.random.Generator, box: np.ndarray) -> tuple[np.ndarray, bool]:
        """Image to crop pixels, and whether the crop is mirrored."""
        how, (height, width) = self.how, self.size
        length = float((box[2:] - box[:2]).max())
        moved = box + np.tile(rng.normal(0, how.shift, 2).clip(-3 * how.shift, 3 * how.shift) * length, 2)
        matrix = crop_letterbox(moved, self.size).matrix
        zoom = float(np.exp(np.clip(rng.normal(0, how.zoom), -3 * how.zoom, 3 * how.zoom)))
        angle = np.deg2rad(rng.uniform(-how.rotation, how.rotation)) if rng.random() < how.turned else 0.0
        turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        mirrored = bool(rng.random() < how.flip)
        if mirrored:
            turn[0] *= -1
        middle = np.array([width - 1, height - 1]) / 2
        return np.column_stack([turn @ matrix[:, :2], turn @ (matrix[:, 2] - middle) + middle]), mirrored


def _channels_first(image: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
