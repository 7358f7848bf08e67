"""The protocol of estimators: from images to people in steps that a pipeline runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.candidates import Candidates
from skelstream.people import People
from skelstream.refinement.parts.part_refiner import PartRefiner
from skelstream.refinement.refinement import Refinement
from skelstream.skeleton import Skeleton


@dataclass(frozen=True)
class Provenance:
    """What people were estimated with, as files of skeletons record it.

    Attributes:
        model: name of the detection weights.
        weights_sha256: SHA-256 of the detection weights file, hexadecimal.
        settings: settings of the estimator, as JSON values.
        runtime: runtimes and devices of the networks, for people to read.
        refiner: name of the refinement weights; None without refinement.
        refiner_sha256: SHA-256 of the refinement weights file; None without refinement.
    """

    model: str
    weights_sha256: str
    settings: dict[str, Any]
    runtime: str = ""
    refiner: str | None = None
    refiner_sha256: str | None = None


class Estimator(Protocol):
    """Finds people in images.

    Attributes:
        skeleton: the V joints of the people, and the limbs to draw; those of their parts come behind them.
        parts: refiners of the parts that tracked people get, such as hands; none for the body alone.
        batch: preferred number of images per call of ``infer``.
        orientations: turned views to detect in: 1, 4 or ``auto``, as in ``DetectionSettings``.
        provenance: weights, settings and runtime, for the record.
    """

    @property
    def skeleton(self) -> Skeleton: ...

    @property
    def parts(self) -> Sequence[PartRefiner]: ...

    @property
    def batch(self) -> int: ...

    @property
    def orientations(self) -> int | str: ...

    @property
    def provenance(self) -> Provenance: ...

    def prepare(self, image: np.ndarray, turn: int = 0) -> tuple[np.ndarray, Letterbox]:
        """Return a uint8 RGB image (H, W, 3) as network input, and the way back to source pixels.

        Args:
            image: the image.
            turn: degrees by which the image is turned counter-clockwise first: 0, 90, 180 or 270.
        """
        ...

    def infer(self, inputs: Sequence[np.ndarray]) -> list[Candidates]:
        """Return peaks and scored limbs of network inputs that share one size."""
        ...

    def group(self, views: Sequence[tuple[Candidates, Letterbox]]) -> People:
        """Return the people detected in the views of one image, in source pixels."""
        ...

    def refinement(self) -> Refinement | None:
        """Return a refinement for one video, with its own state and counts; None for detection alone."""


def infer_all(estimator: Estimator, inputs: Sequence[np.ndarray]) -> list[Candidates]:
    """Return the candidates of network inputs of any sizes; those of one size share batches."""
    shapes: dict[tuple[int, ...], list[int]] = {}
    for number, one in enumerate(inputs):
        shapes.setdefault(one.shape, []).append(number)
    found: dict[int, Candidates] = {}
    for numbers in shapes.values():
        for start in range(0, len(numbers), estimator.batch):
            batch = numbers[start : start + estimator.batch]
            found |= zip(batch, estimator.infer([inputs[number] for number in batch]), strict=True)
    return [found[number] for number in range(len(inputs))]
