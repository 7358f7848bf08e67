"""The protocol of estimators: from images to people in steps that a pipeline runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.candidates import Candidates
from skelstream.people import People
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
        skeleton: the V joints of the people, and the limbs to draw.
        batch: preferred number of images per call of ``infer``.
        provenance: weights, settings and runtime, for the record.
    """

    @property
    def skeleton(self) -> Skeleton: ...

    @property
    def batch(self) -> int: ...

    @property
    def provenance(self) -> Provenance: ...

    def prepare(self, image: np.ndarray) -> tuple[np.ndarray, Letterbox]:
        """Return a uint8 RGB image (H, W, 3) as network input, and the way back to source pixels."""
        ...

    def infer(self, inputs: Sequence[np.ndarray]) -> list[Candidates]:
        """Return peaks and scored limbs of network inputs that share one size."""
        ...

    def group(self, candidates: Candidates, letterbox: Letterbox) -> People:
        """Return detected people in source pixels."""
        ...

    def refinement(self) -> Refinement | None:
        """Return a refinement for one video, with its own state and counts; None for detection alone."""
