"""Palms: a single-shot detector of palms in crops, as MediaPipe's hand tracking has it.

Zhang et al., "MediaPipe Hands: On-device Real-time Hand Tracking", 2020, section 2.1: palms are rigid and nearly square, so that
few anchors of one shape find them at all turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skelstream.errors import ModelError
from skelstream.geometry.crops import crop_letterbox, cut
from skelstream.geometry.letterbox import Letterbox
from skelstream.geometry.similarity import iou
from skelstream.grouping.assembly import unrepeated

SIZE = (192, 192)
"""Height and width of the network's input in pixels."""
# Cells along each side of the network's two maps, and anchors in each cell.
_MAPS = ((24, 2), (12, 6))
_ANCHORS, _OFFSETS = 2016, 18
# Offsets of an anchor: x, y, width and height of the box, then seven points; the first is the wrist, the third the knuckle of
# the middle finger.
_WRIST, _KNUCKLE = slice(4, 6), slice(8, 10)
_LEAST_SCORE = 0.3
# Overlap (IoU) from which two palms are one.
_SAME = 0.3


class Palms(NamedTuple):
    """Palms found in an image.

    Attributes:
        wrists: float32 (N, 2), source pixels.
        knuckles: float32 (N, 2), knuckles of the middle finger, source pixels.
        sides: float32 (N,), side of each palm's box in source pixels.
        scores: float32 (N,) in [0, 1].
    """

    wrists: np.ndarray
    knuckles: np.ndarray
    sides: np.ndarray
    scores: np.ndarray

    def take(self, rows: np.ndarray | list[int]) -> Palms:
        """Return the palms at ``rows`` (indices or a boolean mask)."""
        return Palms(*(column[rows] for column in self))

    def near(self, points: np.ndarray) -> np.ndarray:
        """Return bool (N, M), whether each palm's wrist is one of the points (M, 2): within half a palm of it."""
        return np.linalg.norm(self.wrists[:, None] - points, axis=-1) < self.sides[:, None] / 2

    @staticmethod
    def joined(parts: Sequence[Palms]) -> Palms:
        """Return the palms of all parts, in order."""
        empty = np.empty((0, 2), np.float32), np.empty((0, 2), np.float32)
        none = Palms(*empty, np.empty(0, np.float32), np.empty(0, np.float32))
        return Palms(*(np.concatenate(columns) for columns in zip(none, *parts, strict=True)))


class PalmDetector:
    """Finds palms in square crops of an image.

    Args:
        outputs: the network, from uint8 RGB crops (192, 192, 3) to offsets float (2016, 18) in crop pixels and logits float
            (2016,) of each.
        weights_sha256: SHA-256 of the weights file, hexadecimal.
    """

    def __init__(
        self,
        outputs: Callable[[Iterable[np.ndarray]], Iterable[tuple[np.ndarray, np.ndarray]]],
        weights_sha256: str = "",
    ):
        self._outputs, self._anchors, self.weights_sha256 = outputs, _anchors(), weights_sha256

    def palms(self, image: np.ndarray, boxes: np.ndarray) -> list[Palms]:
        """Return the palms of an image in each box.

        Args:
            image: uint8 RGB (H, W, 3).
            boxes: float (B, 5), squares: centre x, centre y, width and height in source pixels, turn in degrees.
        """
        letterboxes = [crop_letterbox(box, SIZE, margin=1.0) for box in boxes]
        found = self._outputs(cut(image, one.matrix, SIZE) for one in letterboxes)
        return [self._decoded(*outputs, one) for outputs, one in zip(found, letterboxes, strict=True)]

    def _decoded(self, offsets: np.ndarray, logits: np.ndarray, letterbox: Letterbox) -> Palms:
        """Return the palms of one crop, best first, in source pixels."""
        scores = 1 / (1 + np.exp(-logits.clip(-80, 80)))
        rows = np.flatnonzero(scores >= _LEAST_SCORE)
        rows = rows[np.argsort(-scores[rows], kind="stable")]
        offsets, anchors = offsets[rows], self._anchors[rows]
        centres, sides = anchors + offsets[:, :2], offsets[:, 2:4]
        boxes = np.concatenate([centres - sides / 2, centres + sides / 2], 1)
        kept = unrepeated(iou(boxes, boxes) >= _SAME)
        wrists, knuckles = (anchors[kept] + offsets[kept][:, point] for point in (_WRIST, _KNUCKLE))
        return Palms(
            letterbox.to_image(wrists).astype(np.float32),
            letterbox.to_image(knuckles).astype(np.float32),
            (sides[kept].max(1) / letterbox.scale[0]).astype(np.float32),
            scores[rows][kept].astype(np.float32),
        )


def read_palm_detector(path: Path, precision: str = "auto") -> PalmDetector:
    """Return the palm detector in a file.

    Args:
        path: the graph, with a description beside it.
        precision: see ``GraphFile``.

    Raises:
        ModelError: the file or its description cannot be used.
        MissingExtraError: OpenVINO is not installed.
    """
    from skelstream.refinement.graph_description import read_description
    from skelstream.runtimes.graph_file import GraphFile

    description = read_description(path)
    graph = GraphFile(path, description.image, precision=precision)
    boxes, presence = (
        graph.places.get(description.outputs.get(role, ""), -1) for role in ("boxes", "presence")
    )
    shapes = [graph.shapes[number] if number >= 0 else None for number in (boxes, presence)]
    if shapes != [[1, _ANCHORS, _OFFSETS], [1, _ANCHORS, 1]]:
        raise ModelError(
            f"{path}: not a palm detector: it needs outputs called boxes and presence in its description, of {_ANCHORS} x"
            f" {_OFFSETS} and {_ANCHORS} values"
        )

    def outputs(crops: Iterable[np.ndarray]) -> Iterable[tuple[np.ndarray, np.ndarray]]:
        return [(found[boxes][0].numpy(), found[presence][0, :, 0].numpy()) for found in graph(crops)]

    return PalmDetector(outputs, graph.sha256)


def _anchors() -> np.ndarray:
    """Return float (2016, 2), the anchors' centres in pixels of the input."""
    maps = []
    for cells, each in _MAPS:
        middles = (np.arange(cells) + 0.5) * (SIZE[0] / cells)
        x, y = np.meshgrid(middles, middles)
        maps.append(np.repeat(np.stack([x, y], -1).reshape(-1, 2), each, axis=0))
    return np.concatenate(maps)
