"""Evaluation protocols: the conditions that comparable figures must share."""

from __future__ import annotations

from dataclasses import dataclass

from skelstream.evaluation.annotations import CocoSet

ALL_VAL2017 = "all 5,000 images of val2017"
_VAL2017_IMAGES = 5000


@dataclass(frozen=True)
class EvalProtocol:
    """Conditions of one evaluation; unknown ones are None.

    Attributes:
        images: description of the images by ``describe_images``.
        scales: factors of the input size whose maps are averaged.
        flip: whether maps of mirrored images are averaged in.
        input_size: the network's input size in words.
        estimator: name of the network or the tool.
        weights: SHA-256 of the weights.
        runtime: the runtime and its device.
        boxes: whether person boxes of a detector or of the annotations are given.
        turn: degrees by which the images are turned.
    """

    images: str
    scales: tuple[float, ...] | None = None
    flip: bool | None = None
    input_size: str | None = None
    estimator: str | None = None
    weights: str | None = None
    runtime: str | None = None
    boxes: bool | None = None
    turn: int = 0

    @property
    def scale_kind(self) -> str:
        """One of "single", "multi" and "not stated"."""
        if self.scales is None:
            return "not stated"
        return "single" if len(self.scales) == 1 else "multi"

    def line(self) -> str:
        """Return the conditions in one line."""
        scales = " + ".join(f"{s:g}" for s in self.scales) if self.scales else None
        parts = {
            "images": self.images,
            "scales": f"{scales} ({self.scale_kind})" if scales else None,
            "flip": None if self.flip is None else "yes" if self.flip else "no",
            "input": self.input_size,
            "person boxes": None if self.boxes is None else "given" if self.boxes else "none",
            "estimator": self.estimator,
            "weights": f"sha256 {self.weights[:12]}" if self.weights else None,
            "runtime": self.runtime,
        }
        line = "; ".join(f"{name}: {value or 'not stated'}" for name, value in parts.items())
        return f"{line}; images turned by {self.turn} degrees" if self.turn else line


def describe_images(coco_set: CocoSet, unreadable: int = 0) -> str:
    """Return a description of the images; only all images of val2017, all of them readable, are val2017."""
    count = len(coco_set.images)
    failed = f", {unreadable} of them unreadable" if unreadable else ""
    if not all("/val2017/" in image.url for image in coco_set.images.values()):
        return f"{count:,} images of {coco_set.path.name}{failed}"
    if count == _VAL2017_IMAGES and not unreadable:
        return ALL_VAL2017
    return f"a subset of val2017: {count:,} of its {_VAL2017_IMAGES:,} images{failed}"
