"""People that detection finds in annotated images, right or wrong: the input of the refining network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skelstream.errors import FormatError, SourceError
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.files.atomic import replacing
from skelstream.formats.zipped import read_arrays
from skelstream.geometry.crops import joints_boxes
from skelstream.geometry.similarity import covered, oks
from skelstream.settings.estimation import SIZE, EstimatorSettings
from skelstream.skeleton import OPENPOSE18
from skelstream.training.annotations import AnnotatedImage
from skelstream.training.image_store import read_pixels

NO_PERSON = -1
"""Row number of a false detection, which is no annotated person."""
# Least similarity of a detected person and its annotated one; least part of a detected person's box inside an
# annotated box at which its labels may be incomplete.
_SAME, _NEAR = 0.1, 0.1


@dataclass(frozen=True)
class DetectionConfig:
    """The detection whose results the network learns to refine.

    Attributes:
        weights: name of a packaged model or path of a weights file; "" for the default model.
        size: long side of the network's input in pixels.
        min_score: least person score, in [0, 1]; lower than the usual threshold, because refinement can
            reject people.
    """

    weights: str = ""
    size: int = SIZE
    min_score: float = 0.02


@dataclass(frozen=True)
class DetectedPeople:
    """The people that detection finds in one image.

    Attributes:
        boxes: float32 (D, 4), x0, y0, x1, y1 of their joints, pixels.
        person: int64 (D,), row of the annotated person that each one is, or ``NO_PERSON``.
    """

    boxes: np.ndarray
    person: np.ndarray


def detect_people(
    path: Path, config: DetectionConfig, sets: Sequence[Sequence[AnnotatedImage]], device: str = "auto"
) -> Iterator[int]:
    """Detect people in the images of each set, and write them to a file that ``read_detections`` reads.

    Args:
        path: the file to write.
        config: settings of detection.
        sets: images of each set.
        device: see ``EstimatorSettings``.

    Yields:
        The number of images processed so far; the file is complete once the iterator is exhausted.

    Raises:
        OutputError: the file cannot be written.
    """
    rows: list[DetectedPeople] = []
    for people in _detections(config, [image for images in sets for image in images], device):
        rows.append(people)
        yield len(rows)
    write_detections(path, _by_set(rows, [len(images) for images in sets]))


def _detections(
    config: DetectionConfig, images: Sequence[AnnotatedImage], device: str
) -> Iterator[DetectedPeople]:
    """Yield the detected people of each image; an unreadable image has none."""
    options = {"device": device, "size": config.size, "min_score": config.min_score, "refine": 0}
    options |= {"weights": config.weights} if config.weights else {}
    estimator = PoseEstimator(EstimatorSettings().with_options(**options))
    for image in images:
        try:
            (people,) = estimator.people([read_pixels(image)])
        except SourceError:
            yield DetectedPeople(np.empty((0, 4), np.float32), np.empty(0, np.int64))
            continue
        yield match_people(people.keypoints, image)


def match_people(keypoints: np.ndarray, image: AnnotatedImage) -> DetectedPeople:
    """Match detected people to the annotated people of an image.

    A detected person is the annotated person of the highest OKS over its labelled joints. It is a false
    detection if it is similar to none and outside all annotated boxes. It is left out if its labels may be
    incomplete.

    Args:
        keypoints: float (D, 18, 2), image pixels, NaN where missing.
        image: the annotated image.
    """
    boxes, person = joints_boxes(keypoints), np.full(len(keypoints), NO_PERSON)
    keep = np.ones(len(keypoints), bool)
    annotated = np.concatenate([image.boxes, image.ignore])
    areas = np.repeat(image.scales[:, None] ** 2, len(keypoints), 1)
    alike, common = oks(image.keypoints, keypoints, areas, np.array(OPENPOSE18.oks_sigmas))
    # The mean is over all labelled joints: a joint that was not detected has a similarity of 0.
    alike *= common / np.isfinite(image.keypoints[..., 0]).sum(1).clip(1)[:, None]
    for i, box in enumerate(boxes):
        if alike[:, i].max(initial=0) >= _SAME:
            person[i] = int(alike[:, i].argmax())
            continue
        keep[i] = covered(box, annotated).max(initial=0) < _NEAR and not image.partial
    return DetectedPeople(boxes[keep], person[keep])


def write_detections(path: Path, detections: Sequence[Sequence[DetectedPeople]]) -> None:
    """Write the detected people of each image of each set.

    Raises:
        OutputError: the file cannot be written.
    """
    rows = [people for images in detections for people in images]
    with replacing(path) as part, part.open("wb") as file:
        np.savez(
            file,
            images=[len(images) for images in detections],
            counts=[len(people.person) for people in rows],
            boxes=np.concatenate([np.empty((0, 4), np.float32)] + [people.boxes for people in rows]),
            person=np.concatenate([np.empty(0, np.int64)] + [people.person for people in rows]),
        )


def read_detections(path: Path, images: Sequence[int]) -> list[list[DetectedPeople]]:
    """Read a file of ``write_detections``.

    Args:
        path: the file.
        images: number of images of each set.

    Returns:
        The detected people of each image of each set.

    Raises:
        FormatError: the file is not such a file, or belongs to other sets.
    """
    try:
        file = read_arrays(path, "a file of detected people")
        of_sets, counts, boxes, person = (file[n] for n in ("images", "counts", "boxes", "person"))
    except (FormatError, OSError) as error:
        raise FormatError(f"{path}: {error}") from None
    except KeyError as error:
        raise FormatError(f"{path}: not a file of detected people: it has no {error}") from None
    if of_sets.tolist() != list(images):
        raise FormatError(
            f"{path}: it belongs to sets of {' + '.join(map(str, of_sets))} images, but there are"
            f" {' + '.join(map(str, images))}; delete it to run detection again"
        )
    ends = np.cumsum(counts)[:-1]
    rows = [DetectedPeople(b, p) for b, p in zip(np.split(boxes, ends), np.split(person, ends), strict=True)]
    return _by_set(rows, images)


def _by_set(rows: list[DetectedPeople], images: Sequence[int]) -> list[list[DetectedPeople]]:
    """Divide the detected people of consecutive images into sets of the given numbers of images."""
    starts = np.cumsum([0, *images])
    return [rows[a:b] for a, b in zip(starts[:-1], starts[1:], strict=True)]
