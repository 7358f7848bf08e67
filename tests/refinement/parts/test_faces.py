"""Faces: found by eyes and nose, followed by their own points."""

from __future__ import annotations

import numpy as np
import pytest

from skelstream.people import People
from skelstream.refinement.parts.faces import FaceRefiner
from skelstream.skeleton import FACE468, OPENPOSE18

IMAGE = np.zeros((600, 800, 3), np.uint8)


def mesh_at(centre: tuple[float, float], size: float) -> np.ndarray:
    """Return float32 (468, 2), points that fill a square, with the outer corners of the eyes level."""
    points = np.random.default_rng(0).uniform(-size / 2, size / 2, (468, 2))
    points[:2] = [-size / 2, -size / 2], [size / 2, size / 2]
    points[33], points[263] = (-0.3 * size, -0.1 * size), (0.3 * size, -0.1 * size)
    return (points + centre).astype(np.float32)


class Face:
    """A face at a place, and the network that finds it if a crop is about it."""

    name, skeleton, weights_sha256 = "drawn face", FACE468, "0" * 64

    def __init__(self, centre: tuple[float, float], size: float = 80.0, score: float = 0.9):
        self.centre, self.mesh, self.score, self.boxes = np.array(centre), mesh_at(centre, size), score, []

    def joints(self, image, boxes):
        self.boxes += [np.asarray(box) for box in boxes]
        seen = np.array([np.linalg.norm(b[:2] - self.centre) < b[2] / 4 for b in boxes], np.float32)
        keypoints = np.repeat(self.mesh[None], len(boxes), 0)
        return keypoints, np.repeat(self.score * seen[:, None], 468, 1)


def someone(centre: tuple[float, float], apart: float = 24.0, score: float = 0.9) -> People:
    keypoints = np.full((1, len(OPENPOSE18), 2), np.nan, np.float32)
    for name, place in (
        ("left_eye", (apart / 2, 0)),
        ("right_eye", (-apart / 2, 0)),
        ("nose", (0, apart / 2)),
    ):
        keypoints[0, OPENPOSE18.index(name)] = np.array(place) + centre
    scores = np.where(np.isfinite(keypoints[..., 0]), score, 0).astype(np.float32)
    return People(keypoints, scores, np.array([0.8], np.float32), np.array([[0, 0, 9, 9]], np.float32))


def found(face: Face, people: People, expected=None, due=True):
    expected = np.full((1, 1, 468, 2), np.nan, np.float32) if expected is None else expected
    return FaceRefiner(face, {}).refine(IMAGE, people, OPENPOSE18, expected, np.array([[due]]))


def test_a_face_is_found_in_two_rounds() -> None:
    face = Face((300, 200))
    parts = found(face, someone((300, 195)))
    assert parts.present.all() and np.allclose(parts.keypoints[0, 0], face.mesh)
    assert [round(float(box[2])) for box in face.boxes] == [96, 121]


def test_a_face_is_followed_in_one_round() -> None:
    face = Face((300, 200))
    parts = found(face, someone((300, 195)), mesh_at((306, 203), 80)[None, None], due=False)
    assert parts.present.all() and len(face.boxes) == 1


def test_a_crop_stands_upright_with_a_head_that_leans() -> None:
    people = someone((300, 195))
    people.keypoints[0, OPENPOSE18.index("left_eye")] = 308, 203
    people.keypoints[0, OPENPOSE18.index("right_eye")] = 292, 187
    face = Face((300, 200))
    found(face, people)
    assert face.boxes[0][4] == pytest.approx(45)


@pytest.mark.parametrize(
    "people",
    [someone((300, 195), apart=5), someone((300, 195), score=0.05), someone((500, 195))],
    ids=["too small", "uncertain", "elsewhere"],
)
def test_other_faces_are_missing(people: People) -> None:
    parts = found(Face((300, 200)), people)
    assert not parts.present.any() and np.isnan(parts.keypoints).all()


def test_a_crop_without_a_face_has_none() -> None:
    assert not found(Face((300, 200), score=0.3), someone((300, 195))).present.any()
