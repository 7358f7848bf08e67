"""Points of a face: iBUG's 68, OpenPose's 70 and the 468 of MediaPipe's face mesh.

The 68 points ``face_0`` to ``face_67`` are those of iBUG's 300-W, which COCO-WholeBody, OpenPose and dlib have: the jaw
from the person's right ear to the left one, brows, nose, eyes, outer and inner lips. OpenPose adds the pupils, the right
one first. The points ``face_mesh_0`` to ``face_mesh_467`` are the vertices of MediaPipe's canonical face model
(``canonical_face_model.obj``).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

PUPILS = ("right_pupil", "left_pupil")
FACE68_JOINTS = tuple(f"face_{point}" for point in range(68))
FACE70_JOINTS = (*FACE68_JOINTS, *PUPILS)
MESH_JOINTS = tuple(f"face_mesh_{point}" for point in range(468))


def _mesh_mirror() -> tuple[int, ...]:
    """Return the mirrored point of each mesh point.

    The canonical model's vertices up to 247 are those in the middle, where x is 0, and those of the person's right half;
    the vertices from 248 on are the left half's, in the same order. Mirrored vertices agree in all six decimals.
    """
    middle = {0, 1, 2, 4, 5, 6, *range(8, 20), 94, 151, 152, 164, 168, 175, 195, 197, 199, 200}
    mirror = list(range(468))
    for left, right in enumerate((point for point in range(248) if point not in middle), 248):
        mirror[left], mirror[right] = right, left
    return tuple(mirror)


def _face68_mirror() -> tuple[int, ...]:
    """Return the mirrored point of each of iBUG's points: most of their runs go from right to left."""
    mirror = list(range(68))
    for first, last in ((0, 16), (17, 26), (31, 35), (48, 54), (55, 59), (60, 64), (65, 67)):
        mirror[first : last + 1] = range(last, first - 1, -1)
    for right, left in ((36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)):
        mirror[right], mirror[left] = left, right
    return tuple(mirror)


MESH_MIRROR = _mesh_mirror()
"""Point on the other side of the face for each mesh point; a point of the middle is its own."""

FACE68_MIRROR = _face68_mirror()
"""Point on the other side of the face for each of iBUG's points; a point of the middle is its own."""

MIRRORED = {
    **{MESH_JOINTS[point]: MESH_JOINTS[other] for point, other in enumerate(MESH_MIRROR)},
    **{FACE68_JOINTS[point]: FACE68_JOINTS[other] for point, other in enumerate(FACE68_MIRROR)},
}
"""Name of the mirrored point of each point of mesh and 68."""

LEFT_POINTS = frozenset(
    [MESH_JOINTS[point] for point, other in enumerate(MESH_MIRROR) if point > other]
    + [FACE68_JOINTS[point] for point in (*range(9, 17), *range(22, 27), 34, 35, *range(42, 48))]
    + [FACE68_JOINTS[point] for point in (52, 53, 54, 55, 56, 63, 64, 65)]
)
"""Names of the points of the person's left half."""


def _chains(*chains: Sequence[int]) -> tuple[tuple[int, int], ...]:
    return tuple(limb for chain in chains for limb in pairwise(chain))


FACE68_LIMBS = _chains(
    range(17), range(17, 22), range(22, 27), range(27, 31), range(31, 36),
    (*range(36, 42), 36), (*range(42, 48), 42), (*range(48, 60), 48), (*range(60, 68), 60),
)  # fmt: skip
"""Contours of iBUG's points."""

MESH_OVAL = (10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152)
"""Right half of the oval around the face, from the forehead to the chin."""

_RIGHT_CONTOURS = _chains(
    MESH_OVAL,
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246, 33),  # eye
    (46, 53, 52, 65, 55),
    (70, 63, 105, 66, 107),  # brow
    (0, 37, 39, 40, 185, 61, 146, 91, 181, 84, 17),
    (13, 82, 81, 80, 191, 78, 95, 88, 178, 87, 14),  # lips
)

MESH_LIMBS = (*_RIGHT_CONTOURS, *((MESH_MIRROR[a], MESH_MIRROR[b]) for a, b in _RIGHT_CONTOURS))
"""Contours of the mesh, MediaPipe's ``FACEMESH_CONTOURS``: oval, eyes, brows and lips."""

MESH_OF_FACE68: tuple[tuple[int, ...], ...] = (
    (127,), (234,), (93,), (132, 58), (58, 172), (136,), (150,), (176,), (152,),
    (400,), (379,), (365,), (397, 288), (288, 361), (323,), (454,), (356,),
    (70,), (63,), (105,), (66,), (107, 55), (336, 285), (296,), (334,), (293,), (300,),
    (168, 6), (197, 195), (5,), (1,), (98,), (97,), (2,), (326,), (327,),
    (33,), (160,), (158,), (133,), (153,), (144,), (362,), (385,), (387,), (263,), (373,), (380,),
    (61,), (40,), (37,), (0,), (267,), (270,), (291,), (321,), (314,), (17,), (84,), (91,),
    (78,), (82,), (13,), (312,), (308,), (317,), (14,), (87,),
)  # fmt: skip
"""Mesh points of each of iBUG's points, which is their mean.

The table is that of the tool Mediapipe_2_Dlib_Landmarks, with these changes: it is symmetric at the left jaw (point 13);
the inner ends of the brows, the tip and the wings of the nose and the upper lip (21, 22, 30, 31, 35, 49, 53) are mesh
points that lie nearer to the mean shape of the 68 points.
"""

FACE68_SIGMAS = (
    0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032, 0.037, 0.038, 0.043, 0.041, 0.045,
    0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015, 0.009, 0.007, 0.007, 0.007, 0.012, 0.009, 0.008,
    0.016, 0.010, 0.017, 0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010, 0.034, 0.008, 0.008, 0.009,
    0.008, 0.008, 0.007, 0.010, 0.008, 0.009, 0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008, 0.008, 0.008, 0.01, 0.008,
)  # fmt: skip
"""Falloffs of the 68 points in COCO-WholeBody's evaluation (``myeval_wholebody.py``)."""

_INNER_SIGMA = 0.009  # median of the 68 points without the jaw
_OVAL_SIGMA = 0.038  # median of the jaw

FACE70_SIGMAS = (*FACE68_SIGMAS, _INNER_SIGMA, _INNER_SIGMA)
"""Falloffs of OpenPose's 70 points: a pupil has the median of the points inside the jaw."""

_ON_OVAL = {point for half in MESH_OVAL for point in (half, MESH_MIRROR[half])}

MESH_SIGMAS = tuple(_OVAL_SIGMA if point in _ON_OVAL else _INNER_SIGMA for point in range(468))
"""Falloffs of the mesh points, for which nobody has published any: those on the face's oval have the median of
COCO-WholeBody's jaw, all others the median of its points inside the jaw."""
