"""A refiner around anything that sees crops."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from skelstream.geometry.crops import MARGIN, crop_letterbox, cut
from skelstream.refinement.decoding import Decoding
from skelstream.skeleton import Skeleton


class CropRefiner:
    """A ``Refiner`` of a network that sees crops of one size.

    Attributes:
        name: what it is and where it runs, for people to read.
        skeleton: its V joints.
        weights_sha256: of its weights.
        size: height and width of a crop.
        look: the network and the decoding: from uint8 RGB crops to float32 (V, 2) of their pixels and float32 (V,) scores in
            [0, 1] of each. Whoever has crops of several images looked at together puts a function of their own here.

    Args:
        outputs: the network: uint8 RGB crops (B, H, W, 3) to its outputs; several threads may ask it at a time.
        decoding: what the outputs mean.
        name, skeleton, weights_sha256, size: see above.
        flip: average in the mirror image's outputs.
        margin: a crop's size over its box's.
        joints: int (V,), of the outputs, which of them the skeleton's are; None for all.
    """

    def __init__(
        self,
        outputs: Callable[[np.ndarray], tuple[Tensor, ...]],
        decoding: Decoding,
        *,
        name: str,
        skeleton: Skeleton,
        weights_sha256: str,
        size: tuple[int, int],
        flip: bool = False,
        margin: float = MARGIN,
        joints: Sequence[int] | None = None,
    ):
        self.name = f"{name}, mirrored too" if flip else name
        self.skeleton, self.weights_sha256, self.size = skeleton, weights_sha256, size
        self._outputs, self._decoding, self._flip, self._margin = outputs, decoding, flip, margin
        self._joints = None if joints is None else list(joints)
        self.look: Callable[[Sequence[np.ndarray]], list[tuple[np.ndarray, np.ndarray]]] = self._look

    def joints(
        self, image: np.ndarray, boxes: Sequence[np.ndarray] | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The joints of the person in each box; see ``Refiner``."""
        if not len(boxes):
            count = len(self.skeleton)
            return np.empty((0, count, 2), np.float32), np.empty((0, count), np.float32)
        letterboxes = [crop_letterbox(box, self.size, self._margin) for box in boxes]
        found = self.look([cut(image, one.matrix, self.size) for one in letterboxes])
        keypoints = [one.to_image(pixels) for one, (pixels, _) in zip(letterboxes, found, strict=True)]
        return np.stack(keypoints).astype(np.float32), np.stack([scores for _, scores in found])

    def _look(self, images: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        crops = np.stack(images)
        outputs = self._seen(crops)
        if self._flip:
            mirrored = self._seen(np.ascontiguousarray(crops[:, :, ::-1]))
            outputs = self._decoding.averaged(outputs, mirrored, self.skeleton)
        pixels, scores = self._decoding.joints(outputs)
        return list(zip(pixels.cpu().numpy(), scores.clamp(0, 1).cpu().numpy(), strict=True))

    def _seen(self, crops: np.ndarray) -> tuple[Tensor, ...]:
        outputs = self._outputs(crops)
        return outputs if self._joints is None else tuple(output[:, self._joints] for output in outputs)
