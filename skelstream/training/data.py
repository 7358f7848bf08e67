"""Annotated images in COCO's keypoint format, and the training samples made of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import torch

from skelstream.errors import FormatError
from skelstream.skeleton import COCO17, OPENPOSE18, convert
from skelstream.training.augment import Augmentation, recolour, transform_points, view_matrix, warp
from skelstream.training.targets import confidence_maps, part_affinity_fields

# A person's area is about half its box (0.53 on COCO); it stands in where a set has no areas.
_AREA_OF_BOX = 0.53

# Samples after which the turns of the sets repeat.
_BLOCK = 100


@dataclass(frozen=True)
class SetConfig:
    """One set of annotated images and how its labels are to be read.

    Attributes:
        annotations: COCO-format JSON with 17 keypoints a person.
        images: folder of the images.
        weight: share of the samples, relative to the other sets'.
        partial: labels are incomplete: an unlabelled joint says nothing (instead of: the joint cannot be
            seen), and whoever stands outside the labelled person's box is unlabelled.
        alone: only images with exactly one person.
    """

    annotations: Path
    images: Path
    weight: float = 1.0
    partial: bool = False
    alone: bool = False


@dataclass(frozen=True)
class AnnotatedImage:
    """An image's labels in OpenPose's joint order.

    Attributes:
        path: the image file.
        keypoints: float32 (P, 18, 2) pixels, NaN where unlabelled.
        boxes: float32 (P, 4), x0, y0, x1, y1.
        scales: float32 (P,), root of the person's area in pixels.
        ignore: float32 (K, 4), boxes of people and crowds without keypoints.
        partial: see SetConfig.
    """

    path: Path
    keypoints: np.ndarray
    boxes: np.ndarray
    scales: np.ndarray
    ignore: np.ndarray
    partial: bool


def _corners(box: list[float]) -> list[float]:
    x, y, w, h = box
    return [x, y, x + w, y + h]


def read_set(config: SetConfig) -> list[AnnotatedImage]:
    """The images of a set that have something to learn from.

    Raises:
        FormatError: the file is missing, is not COCO keypoint JSON, or has another number of keypoints.
    """
    path = config.annotations
    try:
        content = json.loads(path.read_text())
        images, annotations = content["images"], content["annotations"]
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError):
        raise FormatError(f"{path}: not COCO keypoint annotations (a JSON object with images and annotations)") from None
    of_image: dict[int, list[dict]] = {}
    for annotation in annotations:
        of_image.setdefault(annotation["image_id"], []).append(annotation)
    result = []
    for image in images:
        people, ignore = [], []
        for a in of_image.get(image["id"], []):
            labelled = not a.get("iscrowd") and any(a.get("keypoints", [])[2::3])
            (people if labelled else ignore).append(a)
        if not people or (config.alone and len(people) + len(ignore) != 1):
            continue
        try:
            raw = np.array([a["keypoints"] for a in people], np.float32).reshape(len(people), len(COCO17), 3)
        except ValueError:
            raise FormatError(f"{path}: image {image['id']} has a person without {len(COCO17)} keypoints") from None
        seen = raw[..., 2] > 0
        points = np.where(seen[..., None], raw[..., :2], np.nan)
        boxes = np.array([_corners(a["bbox"]) for a in people], np.float32)
        box_areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        areas = np.array([a.get("area") or 0 for a in people], np.float32)
        result.append(
            AnnotatedImage(
                config.images / image["file_name"],
                convert(points, seen, COCO17, OPENPOSE18)[0],
                boxes,
                np.sqrt(np.where(areas > 0, areas, _AREA_OF_BOX * box_areas)),
                np.array([_corners(a["bbox"]) for a in ignore], np.float32).reshape(-1, 4),
                config.partial,
            )
        )
    if not result:
        raise FormatError(f"{path}: no image with a labelled person")
    return result


@dataclass(frozen=True)
class SampleSource:
    """The endless, repeatable sequence of training samples: number n is the same whenever it is asked for.

    Attributes:
        sets: each set's images.
        weights: each set's share of the samples.
        how: the augmentation.
        stride: network-input pixels per map cell.
        seed: another seed is another sequence.
    """

    sets: list[list[AnnotatedImage]]
    weights: list[float]
    how: Augmentation
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

    def pick(self, number: int) -> AnnotatedImage:
        """Sample ``number``'s image: sets take turns by weight, each walks through its images in shuffled rounds."""
        sets, ranks, counts = self._slots
        block, slot = divmod(number, len(sets))
        which = int(sets[slot])
        images = self.sets[which]
        round_, place = divmod(block * int(counts[which]) + int(ranks[slot]), len(images))
        if (which, round_) not in self._orders:
            for old in [key for key in self._orders if key[0] == which]:
                del self._orders[old]
            self._orders[which, round_] = np.random.default_rng([self.seed, which, round_]).permutation(len(images))
        return images[self._orders[which, round_][place]]

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        """Sample ``number``: ``image`` uint8 (3, S, S); ``confidence`` (18, s, s), ``pafs`` (38, s, s) and their
        loss weights ``confidence_mask`` and ``paf_mask`` (0 where nothing is known) of the same leading shape."""
        labels, rng = self.pick(number), np.random.default_rng([self.seed, 1 << 20, number])
        image = cv2.imread(str(labels.path), cv2.IMREAD_COLOR_RGB)
        if image is None:
            raise FormatError(f"{labels.path}: cannot be read as an image")
        about = labels.boxes[rng.integers(len(labels.boxes))] if rng.random() < 0.85 or labels.partial else None
        matrix, mirrored = view_matrix(rng, image.shape[:2], about, self.how)
        image = recolour(rng, warp(image, matrix, self.how.crop), self.how)
        keypoints = transform_points(matrix, labels.keypoints)
        if mirrored:
            keypoints = keypoints[:, OPENPOSE18.flip_order]
        zoom = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        cells = self.how.crop // self.stride
        arguments = (keypoints, labels.scales * zoom, OPENPOSE18, (cells, cells), self.stride)
        confidence_mask, paf_mask = self._masks(labels, keypoints, matrix, cells)
        arrays = {
            "image": np.ascontiguousarray(image.transpose(2, 0, 1)),
            "confidence": confidence_maps(*arguments),
            "pafs": part_affinity_fields(*arguments),
            "confidence_mask": confidence_mask,
            "paf_mask": paf_mask,
        }
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def _masks(
        self, labels: AnnotatedImage, keypoints: np.ndarray, matrix: np.ndarray, cells: int
    ) -> tuple[np.ndarray, np.ndarray]:
        ground = np.ones((cells, cells), np.float32)
        if labels.partial:
            ground[:] = 0
            self._paint(ground, labels.boxes, matrix, 1.0, margin=0.15)
        self._paint(ground, labels.ignore, matrix, 0.0)
        # A crowd's box often covers labelled people, whose own boxes are known ground.
        if len(labels.ignore) and not labels.partial:
            self._paint(ground, labels.boxes, matrix, 1.0)
        known = np.ones(len(OPENPOSE18), np.float32)
        if labels.partial:
            known[:] = np.isfinite(keypoints[..., 0]).all(0)
        limbs = np.array([known[a] * known[b] for a, b in OPENPOSE18.limbs])
        return ground * known[:, None, None], ground * np.repeat(limbs, 2)[:, None, None].astype(np.float32)

    def _paint(self, ground: np.ndarray, boxes: np.ndarray, matrix: np.ndarray, value: float, margin: float = 0) -> None:
        for x0, y0, x1, y1 in boxes:
            dx, dy = margin * (x1 - x0), margin * (y1 - y0)
            corners = np.array([[x0 - dx, y0 - dy], [x1 + dx, y0 - dy], [x1 + dx, y1 + dy], [x0 - dx, y1 + dy]])
            cells = (transform_points(matrix, corners) + 0.5) / self.stride - 0.5
            cv2.fillConvexPoly(ground, np.round(cells).astype(np.int32), value)
