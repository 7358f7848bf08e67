"""Drawn people whose joints are known: enough like photographs that the shipped networks find them.

They make an annotated set of the project's own, without anybody's pictures or labels in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from street_scenes import figure

from skelstream.skeleton import COCO17, OPENPOSE18

HEIGHT, WIDTH = 360, 480
_SKIN, _HAIR, _SHOES = (205, 160, 130), (60, 40, 25), (40, 30, 30)
_FRACTION = 3  # bits after the point in OpenCV's coordinates
_UNIT = 1 << _FRACTION


class Mannequin:
    """One person, drawn onto an image from the far side to the near one.

    Args:
        image: uint8 RGB (H, W, 3); changed.
        joints: float (18, 2) in its pixels.
        shirt, trousers: RGB.
    """

    def __init__(self, image: np.ndarray, joints: np.ndarray, shirt: tuple, trousers: tuple):
        self._image, self._shirt, self._trousers = image, shirt, trousers
        self._at = dict(zip(OPENPOSE18.joints, joints, strict=True))
        self._tall = float(np.ptp(joints[:, 1]))

    def draw(self) -> None:
        self._arm("right")
        for side in ("right", "left"):
            self._line(f"{side}_hip", f"{side}_knee", 0.085, self._trousers)
            self._line(f"{side}_knee", f"{side}_ankle", 0.06, self._trousers)
            self._ellipse(self._at[f"{side}_ankle"] + (0, 0.02 * self._tall), 0.04, 0.022, _SHOES)
        self._torso()
        self._head()
        self._arm("left")

    def _torso(self) -> None:
        corners = [self._at[n] for n in ("right_shoulder", "left_shoulder", "left_hip", "right_hip")]
        points = np.round(np.array(corners) * _UNIT).astype(np.int32)
        cv2.fillPoly(self._image, [points], self._shirt, cv2.LINE_AA, _FRACTION)
        # Seen from the side, the four corners are nearly on a line.
        self._stroke(self._at["neck"], (corners[2] + corners[3]) / 2, 0.17, self._shirt)

    def _head(self) -> None:
        self._line("neck", "nose", 0.05, _SKIN)
        centre = 0.3 * (self._at["left_ear"] + self._at["right_ear"]) + 0.4 * self._at["nose"]
        self._ellipse(centre, 0.055, 0.075, _SKIN)
        self._ellipse(centre - (0, 0.03 * self._tall), 0.058, 0.055, _HAIR, 180)
        for joint, size in (("left_eye", 0.008), ("right_eye", 0.008), ("nose", 0.01)):
            self._ellipse(self._at[joint], size, size, _HAIR)

    def _arm(self, side: str) -> None:
        self._line(f"{side}_shoulder", f"{side}_elbow", 0.06, self._shirt)
        self._line(f"{side}_elbow", f"{side}_wrist", 0.045, _SKIN)
        self._ellipse(self._at[f"{side}_wrist"], 0.03, 0.03, _SKIN)

    def _line(self, a: str, b: str, width: float, color: tuple) -> None:
        self._stroke(self._at[a], self._at[b], width, color)

    def _stroke(self, a: np.ndarray, b: np.ndarray, width: float, color: tuple) -> None:
        thickness = max(1, round(width * self._tall))
        cv2.line(self._image, _fixed(a), _fixed(b), color, thickness, cv2.LINE_AA, _FRACTION)

    def _ellipse(self, centre: np.ndarray, a: float, b: float, color: tuple, start: int = 0) -> None:
        axes = (max(_UNIT, round(a * self._tall * _UNIT)), max(_UNIT, round(b * self._tall * _UNIT)))
        cv2.ellipse(self._image, _fixed(centre), axes, 0, start, 360, color, -1, cv2.LINE_AA, _FRACTION)


def _fixed(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0]) * _UNIT), round(float(point[1]) * _UNIT)


def street(rng: np.random.Generator) -> np.ndarray:
    """uint8 RGB (360, 480, 3): ground, sky, and a few things that are nobody."""
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    image[:] = np.linspace(200, 140, HEIGHT)[:, None, None]
    image[250:] = (120, 130, 110)
    for _ in range(6):
        x, y = rng.integers(0, WIDTH), rng.integers(120, 260)
        w, h = rng.integers(8, 60), rng.integers(20, 120)
        cv2.rectangle(image, (x, y), (x + w, y + h), rng.integers(60, 200, 3).tolist(), -1)
    return image


def photo(
    rng: np.random.Generator, count: int, heights: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """An image of some people, and their joints (P, 18, 2) in its pixels; the nearest are drawn last."""
    image, people = street(rng), []
    for height in sorted(rng.uniform(*heights, count)):
        place = (rng.uniform(0.08, 0.92) * WIDTH, 250 + 0.4 * height + rng.uniform(-5, 5))
        joints = figure(rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 2.8)) * height + place
        shirt, trousers = rng.integers(30, 220, 3).tolist(), rng.integers(20, 120, 3).tolist()
        Mannequin(image, joints, shirt, trousers).draw()
        people.append(joints)
    noisy = np.clip(image + rng.normal(0, 8, image.shape), 0, 255).astype(np.uint8)
    return cv2.GaussianBlur(noisy, (3, 3), 0), np.array(people)


def photos(images: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Images of two to five people each, with their joints; the same seed gives the same ones."""
    rng = np.random.default_rng(seed)
    for _ in range(images):
        yield photo(rng, int(rng.integers(2, 6)), (60, 260))


def write_set(folder: Path, images: int, seed: int) -> Path:
    """A COCO-format set of images with two to five people; the path of its annotations, beside the images."""
    order = [OPENPOSE18.index(joint) for joint in COCO17.joints]
    rows, files = [], []
    for number, (image, people) in enumerate(photos(images, seed), 1):
        name = f"{number:03}.png"
        cv2.imwrite(str(folder / name), image[..., ::-1])
        files.append({"id": number, "file_name": name, "height": HEIGHT, "width": WIDTH})
        for joints in people[:, order]:
            seen = ((joints >= 0) & (joints < (WIDTH, HEIGHT))).all(1)
            low, high = joints[seen].min(0), joints[seen].max(0)
            keypoints = np.concatenate([np.where(seen[:, None], joints, 0), 2 * seen[:, None]], 1)
            rows.append({
                "id": len(rows) + 1, "image_id": number, "category_id": 1, "iscrowd": 0,
                "keypoints": keypoints.round(2).ravel().tolist(), "num_keypoints": int(seen.sum()),
                "bbox": [*low.tolist(), *(high - low).tolist()], "area": float(0.6 * np.prod(high - low)),
            })  # fmt: skip
    category = {"id": 1, "name": "person", "keypoints": list(COCO17.joints)}
    path = folder / "people.json"
    path.write_text(json.dumps({"images": files, "annotations": rows, "categories": [category]}))
    return path
