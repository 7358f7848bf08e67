"""Whom a first look finds in annotated images, rightly or not: what the second look's network will be asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skelstream.errors import FormatError, SourceError
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.files.atomic import replacing
from skelstream.geometry.crops import joints_boxes
from skelstream.geometry.similarity import oks
from skelstream.settings.estimation import SIZE, EstimatorSettings
from skelstream.skeleton import OPENPOSE18
from skelstream.training.annotations import AnnotatedImage
from skelstream.training.image_store import read_pixels

NOBODY = -1
"""Stands for no annotated person at all."""
# Least similarity to an annotated person by which a found one is that person, and the part of a found person's box
# inside an annotated one from which on it may be somebody that the labels say too little about.
_SAME, _NEAR = 0.1, 0.1


@dataclass(frozen=True)
class FirstLookConfig:
    """The first look that the network is trained to look after.

    Attributes:
        weights: name of a packaged model or path of a weights file; "" for the default model.
        size: long side of its input in pixels.
        min_score: least person score; lower than where people are reported, as a second look can refuse.
    """

    weights: str = ""
    size: int = SIZE
    min_score: float = 0.02


@dataclass(frozen=True)
class Found:
    """The people that were found in one image.

    Attributes:
        boxes: float32 (F, 4), x0, y0, x1, y1, of their joints.
        person: int64 (F,), the row of the annotated person that each is, or ``NOBODY``.
    """

    boxes: np.ndarray
    person: np.ndarray


def look(config: FirstLookConfig, images: Sequence[AnnotatedImage], device: str) -> Iterator[Found]:
    """Looks at annotated images one by one; nobody is found in one that cannot be read."""
    options = {"device": device, "size": config.size, "min_score": config.min_score, "refine": 0}
    options |= {"weights": config.weights} if config.weights else {}
    estimator = PoseEstimator(EstimatorSettings().with_options(**options))
    for image in images:
        try:
            (people,) = estimator.people([read_pixels(image)])
        except SourceError:
            yield Found(np.empty((0, 4), np.float32), np.empty(0, np.int64))
            continue
        yield assign(people.keypoints, image)


def assign(keypoints: np.ndarray, image: AnnotatedImage) -> Found:
    """Whom the people are that were found in an annotated image.

    The most similar annotated person by OKS over its labelled joints; whoever is similar to none and is in no
    annotated box is nobody; whoever may be somebody that the labels say too little about is left out.

    Args:
        keypoints: float (F, 18, 2), image pixels, NaN where missing.
    """
    boxes, person = joints_boxes(keypoints), np.full(len(keypoints), NOBODY)
    keep = np.ones(len(keypoints), bool)
    annotated = np.concatenate([image.boxes, image.ignore])
    areas = np.repeat(image.scales[:, None] ** 2, len(keypoints), 1)
    alike, common = oks(image.keypoints, keypoints, areas, np.array(OPENPOSE18.oks_sigmas))
    # Over all labelled joints: one that was not found is not alike.
    alike *= common / np.isfinite(image.keypoints[..., 0]).sum(1).clip(1)[:, None]
    for i, box in enumerate(boxes):
        if alike[:, i].max(initial=0) >= _SAME:
            person[i] = int(alike[:, i].argmax())
            continue
        overlap = np.minimum(box[2:], annotated[:, 2:]) - np.maximum(box[:2], annotated[:, :2])
        part = overlap.clip(0).prod(1) / max(1.0, float((box[2:] - box[:2]).prod()))
        keep[i] = part.max(initial=0) < _NEAR and not image.partial
    return Found(boxes[keep], person[keep])


def save_found(path: Path, found: Sequence[Sequence[Found]]) -> None:
    """Writes what was found in the images of each set.

    Raises:
        OutputError: the file cannot be written.
    """
    rows = [one for images in found for one in images]
    with replacing(path) as part, part.open("wb") as file:
        np.savez(
            file,
            images=[len(images) for images in found],
            counts=[len(one.person) for one in rows],
            boxes=np.concatenate([np.empty((0, 4), np.float32)] + [one.boxes for one in rows]),
            person=np.concatenate([np.empty(0, np.int64)] + [one.person for one in rows]),
        )


def load_found(path: Path, images: Sequence[int]) -> list[list[Found]]:
    """What ``save_found`` wrote.

    Args:
        images: number of images of each set.

    Raises:
        FormatError: not such a file, or of other sets.
    """
    try:
        with np.load(path) as file:
            of_sets, counts, boxes, person = (file[n] for n in ("images", "counts", "boxes", "person"))
    except (OSError, ValueError, KeyError) as error:
        raise FormatError(f"{path}: not people of a first look ({error})") from None
    if of_sets.tolist() != list(images):
        raise FormatError(
            f"{path}: of sets of {' + '.join(map(str, of_sets))} images, but there are"
            f" {' + '.join(map(str, images))}; delete it to look again"
        )
    ends = np.cumsum(counts)[:-1]
    rows = [Found(b, p) for b, p in zip(np.split(boxes, ends), np.split(person, ends), strict=True)]
    return _by_set(rows, images)


def _by_set(rows: list[Found], images: Sequence[int]) -> list[list[Found]]:
    """What was found in images one after the other, for each set of so many."""
    starts = np.cumsum([0, *images])
    return [rows[a:b] for a, b in zip(starts[:-1], starts[1:], strict=True)]


def found_in(
    path: Path,
    config: FirstLookConfig,
    sets: Sequence[Sequence[AnnotatedImage]],
    tell: Callable[[int], object],
    device: str = "auto",
) -> list[list[Found]]:
    """What a first look finds in the images of each set: read from the file, or looked for and written there.

    Args:
        tell: called with the number of images looked at so far.
        device: as for ``PoseEstimator``.

    Raises:
        FormatError: the file is of other sets.
        OutputError: it cannot be written.
    """
    if path.exists():
        return load_found(path, [len(images) for images in sets])
    flat = [image for images in sets for image in images]
    rows: list[Found] = []
    for found in look(config, flat, device):
        rows.append(found)
        tell(len(rows))
    result = _by_set(rows, [len(images) for images in sets])
    save_found(path, result)
    return result
