"""Training samples of the top-down network: pairs of crops of a person, by a detected box and by the
annotated box.

Boxes of detection are shifted, too small, of half a body, or false. So each sample has two crops of one
person: the student's, by a box such as detection gives it, and the teacher's, by the annotated box.
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
from skelstream.training.detected_people import NO_PERSON, DetectedPeople
from skelstream.training.image_store import read_pixels
from skelstream.training.samples import first_readable
from skelstream.training.sampling_order import SamplingOrder

_ROWS = [OPENPOSE18.index(name) for name in COCO17.joints]
_UPPER = [
    i for i, name in enumerate(COCO17.joints) if name.rpartition("_")[2] not in ("hip", "knee", "ankle")
]
_LOWER = [i for i in range(len(COCO17)) if i not in _UPPER]


@dataclass(frozen=True)
class CropAugmentation(Recolouring):
    """The boxes of the student's crops, and their random changes.

    Attributes:
        detected: chance of a box that detection gives for the person, if there is one.
        half: chance of the box of the labelled joints of the upper or lower half of the body.
        false_detection: chance of a false detection's box, in images that have one.
        shift: standard deviation of the box's position, as a part of its length.
        zoom: standard deviation of the logarithm of the crop's size.
        rotation: greatest angle in degrees, either way.
        rotated: chance of a rotation.
        flip: chance of a mirror image.
        blur: chance of a blur.
        coarse: chance of a crop with less detail than its pixels hold, as of a small person.
        detail: least and greatest size of such a crop before it is enlarged, as a part of its size.
    """

    detected: float = 0.7
    half: float = 0.1
    false_detection: float = 0.4
    shift: float = 0.03
    zoom: float = 0.1
    rotation: float = 20.0
    rotated: float = 0.3
    flip: float = 0.5
    blur: float = 0.05
    coarse: float = 0.0
    detail: tuple[float, float] = (0.4, 1.0)
    colour: float = 0.25
    occlusion: float = 0.1


@dataclass(frozen=True)
class Subject:
    """An annotated person as an item of a set, with the detected boxes of its image.

    Attributes:
        image: the annotated image.
        row: row of the person in the image.
        detected: float32 (D, 4), detected boxes of the person, pixels.
        false_detections: float32 (F, 4), boxes of false detections in the image, pixels.
    """

    image: AnnotatedImage
    row: int
    detected: np.ndarray
    false_detections: np.ndarray


def subjects(
    images: Sequence[AnnotatedImage], detections: Sequence[DetectedPeople], min_length: float
) -> list[Subject]:
    """Return the annotated people of a set whose boxes are at least ``min_length`` pixels long."""
    result = []
    for image, people in zip(images, detections, strict=True):
        lengths = (image.boxes[:, 2:] - image.boxes[:, :2]).max(1)
        false_detections = people.boxes[people.person == NO_PERSON]
        for row in np.flatnonzero(lengths >= min_length):
            result.append(Subject(image, int(row), people.boxes[people.person == row], false_detections))
    return result


@dataclass(frozen=True)
class CropSource:
    """The endless sequence of training samples; a sample depends only on its number.

    Attributes:
        order: order of the people.
        augmentation: random changes of the crops.
        size: height and width of the student's crop in pixels.
        teacher_size: height and width of the teacher's crop in pixels.
        read: returns an image's pixels.
    """

    order: SamplingOrder[Subject]
    augmentation: CropAugmentation
    size: tuple[int, int]
    teacher_size: tuple[int, int]
    read: Callable[[AnnotatedImage], np.ndarray] = read_pixels

    def __getitem__(self, number: int) -> dict[str, Tensor | str]:
        """Return sample ``number``.

        Returns:
            ``image``, uint8 (3, H, W), the student's crop; ``keypoints``, float32 (17, 2), the labelled
            joints in its pixels, NaN where unlabelled; ``scale``, the root of the person's area in its
            pixels; ``has_person``, 0 for the box of a false detection, else 1; ``teacher_image``, uint8 (3,
            h, w), the crop by the annotated box; ``to_teacher``, float32 (2, 3), the map from the student's
            to the teacher's pixels; ``mirrored``, whether the student's crop is mirrored; ``unreadable``, the
            error message of an unreadable image, or "".

        Raises:
            FormatError: too many images in a row cannot be read.
        """
        subject, pixels, unreadable = first_readable(self.order, number, lambda one: self.read(one.image))
        rng = np.random.default_rng([self.order.seed, 1 << 20, number])
        image, row = subject.image, subject.row
        chance = self.augmentation.false_detection
        empty = len(subject.false_detections) > 0 and rng.random() < chance
        keypoints = image.keypoints[row, _ROWS].astype(np.float64)
        if empty:
            box = subject.false_detections[rng.integers(len(subject.false_detections))]
        else:
            box = self._box(rng, subject, keypoints)
        matrix, mirrored = self._matrix(rng, box)
        crop = recolour(rng, self._cut(rng, pixels, matrix), self.augmentation)
        if rng.random() < self.augmentation.blur:
            crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.5, 1.5))
        keypoints = transform_points(matrix, keypoints)
        to_teacher = crop_letterbox(image.boxes[row], self.teacher_size).matrix
        teacher_crop = (
            np.zeros((*self.teacher_size, 3), np.uint8)
            if empty
            else cut(pixels, to_teacher, self.teacher_size)
        )
        linear = to_teacher[:, :2] @ np.linalg.inv(matrix[:, :2])
        between = np.column_stack([linear, to_teacher[:, 2] - linear @ matrix[:, 2]])
        zoom = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        return {
            "image": _channels_first(crop),
            "keypoints": torch.from_numpy(keypoints[COCO17.flip_order,] if mirrored else keypoints).float(),
            "scale": torch.tensor(image.scales[row] * zoom, dtype=torch.float32),
            "has_person": torch.tensor(float(not empty)),
            "teacher_image": _channels_first(teacher_crop),
            "to_teacher": torch.from_numpy(between).float(),
            "mirrored": torch.tensor(mirrored),
            "unreadable": unreadable,
        }

    def _cut(self, rng: np.random.Generator, pixels: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Return the student's crop, sometimes with the detail of a smaller one."""
        if rng.random() >= self.augmentation.coarse:
            return cut(pixels, matrix, self.size)
        detail = rng.uniform(*self.augmentation.detail)
        height, width = (round(detail * n) for n in self.size)
        small = cut(pixels, detail * matrix, (height, width))
        return cv2.warpAffine(small, np.eye(2, 3) / detail, self.size[::-1], borderMode=cv2.BORDER_REPLICATE)

    def _box(self, rng: np.random.Generator, subject: Subject, keypoints: np.ndarray) -> np.ndarray:
        chance = rng.random()
        if chance < self.augmentation.half:
            half = _UPPER if rng.random() < 0.7 else _LOWER
            if np.isfinite(keypoints[half, 0]).sum() > 2:
                return joints_boxes(keypoints[None, half])[0]
        if chance < self.augmentation.half + self.augmentation.detected and len(subject.detected):
            return subject.detected[rng.integers(len(subject.detected))]
        return subject.image.boxes[subject.row]

    def _matrix(self, rng: np.random.Generator, box: np.ndarray) -> tuple[np.ndarray, bool]:
        """Return the map from image to crop pixels, and whether the crop is mirrored."""
        change, (height, width) = self.augmentation, self.size
        length = float((box[2:] - box[:2]).max())
        moved = box + np.tile(
            rng.normal(0, change.shift, 2).clip(-3 * change.shift, 3 * change.shift) * length, 2
        )
        matrix = crop_letterbox(moved, self.size).matrix
        zoom = float(np.exp(np.clip(rng.normal(0, change.zoom), -3 * change.zoom, 3 * change.zoom)))
        angle = (
            np.deg2rad(rng.uniform(-change.rotation, change.rotation))
            if rng.random() < change.rotated
            else 0.0
        )
        turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        mirrored = bool(rng.random() < change.flip)
        if mirrored:
            turn[0] *= -1
        middle = np.array([width - 1, height - 1]) / 2
        return np.column_stack([turn @ matrix[:, :2], turn @ (matrix[:, 2] - middle) + middle]), mirrored


def _channels_first(image: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
