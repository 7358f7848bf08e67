"""Random views of an annotated image: one affine transform for pixels, keypoints and boxes alike."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

# Greatest part of a view's side that lies outside the image, where the image is large enough.
_OUTSIDE = 0.1


@dataclass(frozen=True)
class Recolouring:
    """How far a training image's pixels may be from what they were, wherever they are.

    Attributes:
        colour: strength of brightness, contrast and saturation changes.
        grey: chance of a grey image.
        occlusion: chance that a rectangle is painted over.
    """

    colour: float = 0.3
    grey: float = 0.05
    occlusion: float = 0.15


@dataclass(frozen=True)
class Augmentation(Recolouring):
    """How far a training view may be from its image.

    Attributes:
        crop: height and width of the view in pixels.
        scale: least and greatest zoom of the image.
        fit: chance that the zoom is chosen by the size of a person instead: its box's long side then
            fills ``fill`` of the view.
        fill: least and greatest part of the view.
        rotation: greatest turn in degrees, either way.
        shift: greatest shift of the person from the view's middle, as a part of the view.
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
    """A random view as a 2 x 3 matrix from image pixels to view pixels, and whether it mirrors.

    Args:
        size: height and width of the image.
        box: x0, y0, x1, y1 of the person that the view is about; None for the whole image.
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
        # A person larger than the view: look at any part of it.
        middle = middle + rng.uniform(-0.5, 0.5, 2) * np.maximum(about[2:] - about[:2] - how.crop / zoom, 0)
    middle = middle + rng.uniform(-how.shift, how.shift, 2) * how.crop / zoom
    # Ground outside the image teaches nothing: look there no more than a little.
    slack = (0.5 - _OUTSIDE) * how.crop / zoom
    low, high = np.full(2, slack), np.array([width, height]) - slack
    middle = np.where(high > low, np.clip(middle, low, np.maximum(high, low)), np.array([width, height]) / 2)
    target = np.full(2, (how.crop - 1) / 2)
    return np.column_stack([linear, target - linear @ middle]), mirrored


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (..., 2) of the image in the view; NaN stays NaN."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def warp(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """The view's pixels, uint8 (size, size, 3); the ground outside the image is mid grey."""
    zoom = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if zoom < 0.7:
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / zoom)  # what a smaller image cannot show must not alias
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=(128, 128, 128))


def recolour(rng: np.random.Generator, image: np.ndarray, how: Recolouring) -> np.ndarray:
    """Brightness, contrast and saturation changed, sometimes grey, sometimes partly hidden; same shape and dtype."""
    brightness, contrast, saturation = 1 + how.colour * rng.uniform(-1, 1, 3)
    if rng.random() < how.grey:
        saturation = 0.0
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    mean = float(grey.mean())
    # Saturation and contrast are one weighted sum of the image, its grey and its mean.
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
