"""Random views of an annotated image: one affine transform for pixels, keypoints and boxes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

# Greatest part of a view's side outside the image, if the image is large enough.
_OUTSIDE = 0.1


@dataclass(frozen=True)
class Recolouring:
    """Random changes of pixel values.

    Attributes:
        colour: greatest relative change of brightness, contrast and saturation, in [0, 1].
        grey: chance of a grey image, in [0, 1].
        occlusion: chance of a painted rectangle, in [0, 1].
    """

    colour: float = 0.3
    grey: float = 0.05
    occlusion: float = 0.15


@dataclass(frozen=True)
class Augmentation(Recolouring):
    """Random changes of a training view.

    Attributes:
        crop: height and width of the view in pixels.
        scale: least and greatest zoom of the image.
        fit: chance of a zoom by the size of a person, whose box's long side then fills ``fill`` of the view.
        fill: least and greatest part of the view's side.
        rotation: greatest angle in degrees, either way.
        shift: greatest distance of the person from the view's middle, as a part of the view's side.
        flip: chance of a mirror image.
    """

    crop: int = 256
    scale: tuple[float, float] = (0.6, 1.6)
    fit: float = 0.5
    fill: tuple[float, float] = (0.25, 1.15)
    rotation: float = 30.0
    shift: float = 0.25
    flip: float = 0.5


def view_matrix(
    rng: np.random.Generator, size: tuple[int, int], box: np.ndarray | None, how: Augmentation
) -> tuple[np.ndarray, bool]:
    """Return a random view as a 2 x 3 matrix from image pixels to view pixels, and whether it is mirrored.

    Args:
        rng: the source of randomness.
        size: height and width of the image in pixels.
        box: x0, y0, x1, y1 of the person in the middle of the view, pixels; None for the whole image.
        how: limits of the changes.
    """
    height, width = size
    about = np.array([0, 0, width, height], float) if box is None else np.asarray(box, float)
    zoom = float(np.exp(rng.uniform(*np.log(how.scale))))
    side = float(max(about[2] - about[0], about[3] - about[1], 1.0))
    if box is not None and rng.random() < how.fit:
        zoom = float(np.clip(rng.uniform(*how.fill) * how.crop / side, how.scale[0] / 2, how.scale[1] * 1.5))
    angle = np.deg2rad(rng.uniform(-how.rotation, how.rotation))
    mirrored = bool(rng.random() < how.flip)
    linear = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirrored:
        linear[:, 0] *= -1
    middle = (about[:2] + about[2:]) / 2
    if side * zoom > how.crop:
        # A person larger than the view: show any part of it.
        middle = middle + rng.uniform(-0.5, 0.5, 2) * np.maximum(about[2:] - about[:2] - how.crop / zoom, 0)
    middle = middle + rng.uniform(-how.shift, how.shift, 2) * how.crop / zoom
    # The area outside the image has nothing to learn from: the view covers little of it.
    slack = (0.5 - _OUTSIDE) * how.crop / zoom
    low, high = np.full(2, slack), np.array([width, height]) - slack
    middle = np.where(high > low, np.clip(middle, low, np.maximum(high, low)), np.array([width, height]) / 2)
    target = np.full(2, (how.crop - 1) / 2)
    return np.column_stack([linear, target - linear @ middle]), mirrored


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return image points (..., 2) in view pixels; NaN stays NaN."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def warp(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Return the view's pixels, uint8 (size, size, 3); the area outside the image is mid grey."""
    zoom = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if zoom < 0.7:
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / zoom)  # against aliasing
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=(128, 128, 128))


def recolour(rng: np.random.Generator, image: np.ndarray, how: Recolouring) -> np.ndarray:
    """Return the image with random changes of its pixel values; shape and dtype stay."""
    brightness, contrast, saturation = 1 + how.colour * rng.uniform(-1, 1, 3)
    if rng.random() < how.grey:
        saturation = 0.0
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    mean = float(grey.mean())
    # A weighted sum of the image, its grey and its mean changes saturation and contrast at once.
    gain = brightness * contrast
    image = cv2.addWeighted(
        image,
        gain * saturation,
        cv2.merge([grey] * 3),
        gain * (1 - saturation),
        brightness * (1 - contrast) * mean,
    )
    if rng.random() < how.occlusion:
        height, width = image.shape[:2]
        h, w = (rng.uniform(0.08, 0.35, 2) * (height, width)).astype(int)
        y, x = int(rng.uniform(0, height - h)), int(rng.uniform(0, width - w))
        image[y : y + h, x : x + w] = rng.integers(0, 256, 3)
    return image
