from __future__ import annotations

import pytest

from skelstream.geometry.orientation import _HEIGHTS
from skelstream.skeleton import FACE468, HAND21, SKELETONS, hand_joints, joint_side, part_of
from skelstream.skeleton.skeleton import _LENGTHS

ALL = {**SKELETONS, "hand21": HAND21, "face468": FACE468}


@pytest.mark.parametrize("name", ALL)
def test_every_set_is_consistent(name):
    skeleton = ALL[name]
    assert skeleton.name == name
    assert len(set(skeleton.joints)) == len(skeleton) == len(skeleton.oks_sigmas)
    flipped = skeleton.flip_order
    assert [flipped[i] for i in flipped] == list(range(len(skeleton)))
    assert len(set(map(frozenset, skeleton.limbs))) == len(skeleton.limbs)
    assert sorted(joint for part in skeleton.parts.values() for joint in part) == list(range(len(skeleton)))


@pytest.mark.parametrize("name", ALL)
def test_body_and_hands_are_one_figure(name):
    skeleton = ALL[name]
    reached = {0}
    for _ in skeleton.limbs:
        reached |= {j for limb in skeleton.limbs if reached & set(limb) for j in limb}
    # The hands' tips of NTU hang on thumbs and hands; the contours of a face stand alone, and so does MediaPipe's head.
    alone = set(skeleton.parts.get("face", ()))
    if name == "holistic543":
        reached |= {j for limb in skeleton.limbs for j in limb}
    assert reached | alone == set(range(len(skeleton)))
    assert all((a in alone) == (b in alone) for a, b in skeleton.limbs)


@pytest.mark.parametrize("name", ALL)
def test_flip_pairs_go_from_left_to_right(name):
    skeleton = ALL[name]
    assert all(
        joint_side(skeleton.joints[a]) == "left" and joint_side(skeleton.joints[b]) == "right"
        for a, b in skeleton.flip_pairs
    )
    still = sum(i == j for i, j in enumerate(skeleton.flip_order))
    # A hand without a side stays what it is.
    assert still + 2 * len(skeleton.flip_pairs) == len(skeleton)


def test_a_mirrored_limb_is_a_limb():
    for skeleton in ALL.values():
        limbs = {frozenset(limb) for limb in skeleton.limbs}
        flipped = {frozenset(skeleton.flip_order[end] for end in limb) for limb in limbs}
        assert flipped == limbs, skeleton.name


def test_parts():
    assert {part: len(joints) for part, joints in SKELETONS["openpose-whole"].parts.items()} == {
        "body": 25, "left_hand": 21, "right_hand": 21, "face": 70,
    }  # fmt: skip
    assert SKELETONS["coco-wholebody133"].parts["face"] == tuple(range(23, 91))
    assert SKELETONS["holistic543"].parts["right_hand"] == tuple(range(522, 543))
    assert set(SKELETONS["ntu25"].parts) == {"body"} and set(HAND21.parts) == {"hand"}
    assert part_of("left_thumb") == "body" and part_of("left_thumb1") == "left_hand"


def test_joints_of_hands_and_face_are_not_taken_for_the_bodys():
    """Lengths and heights of the body's joints are known by the last word of their names."""
    words = {word for ends in _LENGTHS for word in ends} | set(_HEIGHTS)
    others = {joint for skeleton in ALL.values() for joint in skeleton.joints if part_of(joint) != "body"}
    assert {*hand_joints("left"), "face_12", "face_mesh_3", "left_pupil"} <= others
    assert not {joint for joint in others if joint.rpartition("_")[2] in words}
