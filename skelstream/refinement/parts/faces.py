"""Faces: the points of a face mesh, found from the eyes and the nose and followed from frame to frame.

Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", 2019.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skelstream.geometry.crops import oriented_boxes, squares
from skelstream.people import People
from skelstream.refinement.parts.part_refiner import Parts, seen_joints
from skelstream.refinement.refiner import Refiner
from skelstream.skeleton import FACE468, Skeleton

# Outer corners of the right and of the left eye.
_RIGHT_CORNER, _LEFT_CORNER = FACE468.index("face_mesh_33"), FACE468.index("face_mesh_263")

# Least mean score of a face's points.
_LEAST_FACE = 0.5
# Least score in the crop of a skeleton's face, whose points are then found in a better one.
_WORTH_ANOTHER = 0.05
# Side of a skeleton's face crop: in distances of the eyes, or from the eyes to the nose if that is more.
_OF_EYES, _OF_NOSE = 4.0, 4.8
# Side of the crop in source pixels below which a face is too small for the network.
_SMALLEST = 24.0
# Side of a face's crop in sides of the box around its points.
_OF_FACE = 1.3
# Distance of the mesh's middle from the nose, in sides of the box around its points, beyond which it is another face.
_NEAR = 0.5


class FaceRefiner:
    """Finds the faces of people. A ``PartRefiner``.

    Args:
        refiner: finds a face's 468 points in a crop.
        weights_sha256: see ``PartRefiner``.
    """

    name = "face"
    joints = (FACE468.joints,)

    def __init__(self, refiner: Refiner, weights_sha256: Mapping[str, str]):
        self._refiner, self.network, self.weights_sha256 = refiner, refiner.name, weights_sha256

    def anchors(self, people: People, skeleton: Skeleton) -> np.ndarray:
        """Return the noses, float (P, 1, 2); see ``PartRefiner``."""
        return seen_joints(people, skeleton, "nose")

    def refine(
        self, image: np.ndarray, people: People, skeleton: Skeleton, expected: np.ndarray, due: np.ndarray
    ) -> Parts:
        """Return the faces of people; see ``PartRefiner``."""
        parts = Parts.missing(len(people), 1, len(FACE468))
        noses = self.anchors(people, skeleton)[:, 0]
        rows = np.flatnonzero(np.isfinite(expected[:, 0]).all((1, 2)) & np.isfinite(noses[:, 0]))
        self._add(parts, image, rows, expected[rows, 0], noses)
        boxes = _skeleton_boxes(people, skeleton)
        large = np.nan_to_num(boxes[:, 2]) >= _SMALLEST
        rows = np.flatnonzero(due[:, 0] & ~parts.present[:, 0] & large)
        found, scores = self._refiner.joints(image, boxes[rows])
        worth = scores.mean(1) >= _WORTH_ANOTHER
        self._add(parts, image, rows[worth], found[worth], noses)
        return parts

    def _add(
        self, parts: Parts, image: np.ndarray, rows: np.ndarray, faces: np.ndarray, noses: np.ndarray
    ) -> None:
        """Add the faces that are found where those of the people at ``rows`` are expected, (N, 468, 2)."""
        keypoints, scores = self._refiner.joints(image, _face_boxes(faces))
        low, high = keypoints.min(1), keypoints.max(1)
        away = np.linalg.norm((low + high) / 2 - noses[rows], axis=-1)
        kept = (scores.mean(1) >= _LEAST_FACE) & (away <= _NEAR * (high - low).max(1))
        parts.keypoints[rows[kept], 0], parts.scores[rows[kept], 0] = keypoints[kept], scores[kept]


def _skeleton_boxes(people: People, skeleton: Skeleton) -> np.ndarray:
    """Return float (P, 5), the boxes of faces by eyes and nose, turned with the eyes; NaN where one is missing."""
    left, right, nose = seen_joints(people, skeleton, "left_eye", "right_eye", "nose").transpose(1, 0, 2)
    middle = (left + right) / 2
    apart, high = (np.linalg.norm(across, axis=-1) for across in (left - right, nose - middle))
    sides = np.maximum(_OF_EYES * apart, _OF_NOSE * high)
    return np.column_stack([(middle + nose) / 2, sides, sides, _turns(left - right)])


def _face_boxes(faces: np.ndarray) -> np.ndarray:
    """Return float (N, 5), the boxes of faces (N, 468, 2) by their points, turned with the eyes."""
    turns = _turns(faces[:, _LEFT_CORNER] - faces[:, _RIGHT_CORNER])
    return squares(oriented_boxes(faces, turns), _OF_FACE)


def _turns(across: np.ndarray) -> np.ndarray:
    """Return by how many degrees directions (N, 2) from the right to the left eye are turned clockwise."""
    return np.degrees(np.arctan2(across[:, 1], across[:, 0]))
