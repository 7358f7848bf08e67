from __future__ import annotations

from statistics import median

from skelstream.skeleton import face

# x and y of points of the canonical face model, to the right, in the middle and to the left.
CANONICAL = {
    33: (-4.445859, 2.663991), 263: (4.445859, 2.663991),
    61: (-2.456206, -4.342621), 291: (2.456206, -4.342621),
    75: (-1.043625, -1.464973), 305: (1.043625, -1.464973),
    152: (0, -9.403378), 10: (0, 8.261778), 127: (-7.743095, 2.364999), 356: (7.743095, 2.364999),
}  # fmt: skip


def test_mirrored_points_of_the_mesh_lie_on_the_other_side():
    for point, (x, y) in CANONICAL.items():
        assert CANONICAL[face.MESH_MIRROR[point]] == (-x, y)
    assert [face.MESH_MIRROR[point] for point in face.MESH_MIRROR] == list(range(468))


def test_the_68_points_are_symmetric_on_the_mesh():
    assert len(face.MESH_OF_FACE68) == 68
    for point, vertices in enumerate(face.MESH_OF_FACE68):
        mirrored = face.MESH_OF_FACE68[face.FACE68_MIRROR[point]]
        assert {face.MESH_MIRROR[vertex] for vertex in vertices} == set(mirrored)


def test_the_contours_are_those_of_mediapipe():
    assert len(face.MESH_LIMBS) == 124
    limbs = {frozenset(limb) for limb in face.MESH_LIMBS}
    for limb in ((61, 146), (17, 314), (263, 249), (46, 53), (300, 293), (10, 338), (152, 377), (389, 356)):
        assert frozenset(limb) in limbs


def test_points_of_the_mesh_have_the_falloffs_of_points_nearby():
    jaw, inner = face.FACE68_SIGMAS[:17], face.FACE68_SIGMAS[17:]
    assert face.MESH_SIGMAS[152] == median(jaw) and face.MESH_SIGMAS[1] == median(inner)
    assert face.MESH_SIGMAS.count(median(jaw)) == 36
