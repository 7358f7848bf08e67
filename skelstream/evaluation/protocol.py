"""What a figure was measured on, and how: without it no figure may stand beside another."""

from __future__ import annotations

from dataclasses import dataclass

from skelstream.evaluation.annotations import CocoSet

ALL_VAL2017 = "all 5,000 images of val2017"
_VAL2017_IMAGES = 5000


@dataclass(frozen=True)
class EvalProtocol:
    """The conditions of one evaluation; what is not known is None.

    Attributes:
        images: which images, as ``describe_images`` puts it.
        scales: factors of the input size whose maps were averaged.
        flip: mirrored images were averaged in.
        input_size: of the network, in words.
        estimator: the network's or tool's name.
        weights: SHA-256 of the weights.
        runtime: what ran the network, and where.
        boxes: person boxes of a detector or of the annotators went in.
    """

    images: str
    scales: tuple[float, ...] | None = None
    flip: bool | None = None
    input_size: str | None = None
    estimator: str | None = None
    weights: str | None = None
    runtime: str | None = None
    boxes: bool | None = None

    @property
    def scale_kind(self) -> str:
        """One of "single", "multi" and "not stated"."""
        if self.scales is None:
            return "not stated"
        return "single" if len(self.scales) == 1 else "multi"

    def line(self) -> str:
        """The conditions in one line."""
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
        return "; ".join(f"{name}: {value or 'not stated'}" for name, value in parts.items())


def describe_images(coco_set: CocoSet, unreadable: int = 0) -> str:
    """Which images these are; only all of val2017, and all of them read, count as val2017."""
    count = len(coco_set.images)
    failed = f", {unreadable} of them unreadable" if unreadable else ""
    if not all("/val2017/" in image.url for image in coco_set.images.values()):
        return f"{count:,} images of {coco_set.path.name}{failed}"
    if count == _VAL2017_IMAGES and not unreadable:
        return ALL_VAL2017
    return f"a subset of val2017: {count:,} of its {_VAL2017_IMAGES:,} images{failed}"
