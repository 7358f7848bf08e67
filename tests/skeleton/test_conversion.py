from __future__ import annotations

import numpy as np
import pytest

from skelstream.formats.joint_names import joint_named
from skelstream.skeleton import (
    BODY_HANDS,
    BODY_HANDS_FACE,
    COCO17,
    HOLISTIC543,
    OPENPOSE18,
    OPENPOSE_WHOLE,
    SKELETONS,
    convert,
    part_of,
)
from skelstream.skeleton.face import MESH_OF_FACE68

RNG = np.random.default_rng(0)
POINTS = RNG.uniform(0, 100, (3, 18, 2)).astype(np.float32)
SCORES = RNG.uniform(0.2, 1, (3, 18)).astype(np.float32)
COMMON = [
    f"{side}_{part}"
    for side in ("left", "right")
    for part in ["shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
]

# Words in the names of the body's joints that OpenPose's 18 do not determine.
_UNKNOWN = ("head_top", "toe", "heel", "foot_index", "inner", "outer", "mouth", "knuckle")

# The names that the data sets' own papers and tools have for the joints, in their order.
OWN = {
    "h36m17": "Hip RHip RKnee RFoot LHip LKnee LFoot Spine Thorax Neck/Nose Head LShoulder LElbow LWrist RShoulder"
    " RElbow RWrist",
    "mpii16": "r_ankle r_knee r_hip l_hip l_knee l_ankle pelvis thorax upper_neck head_top r_wrist r_elbow r_shoulder"
    " l_shoulder l_elbow l_wrist",
    "ntu25": "base_of_spine middle_of_spine neck head left_shoulder left_elbow left_wrist left_hand right_shoulder"
    " right_elbow right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip right_knee right_ankle"
    " right_foot spine tip_of_left_hand left_thumb tip_of_right_hand right_thumb",
    "halpe26": "Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip RHip LKnee RKnee LAnkle"
    " RAnkle Head Neck Hip LBigToe RBigToe LSmallToe RSmallToe LHeel RHeel",
}


@pytest.mark.parametrize("name", OWN)
def test_the_common_joints_stand_where_the_data_set_has_them(name):
    side = {"l": "left", "r": "right", "L": "left", "R": "right"}
    for i, own in enumerate(OWN[name].split()):
        joint = SKELETONS[name].joints[i]
        if joint in COMMON:
            word = own.lower().replace("foot", "ankle")
            assert joint.split("_")[1] in word and side[own[0]] == joint.split("_")[0]


@pytest.mark.parametrize("name", SKELETONS)
def test_common_joints_are_kept_and_others_made(name):
    target = SKELETONS[name]
    points, scores = convert(POINTS, SCORES, OPENPOSE18, target)
    for joint in COMMON:
        np.testing.assert_array_equal(points[:, target.index(joint)], POINTS[:, OPENPOSE18.index(joint)])
    missing = {
        j for j, there in zip(target.joints, np.isfinite(points).all((0, 2)), strict=True) if not there
    }
    assert missing == {
        j for j in target.joints if part_of(j) != "body" or any(word in j for word in _UNKNOWN)
    }
    assert not scores[:, [target.index(j) for j in missing]].any() and ((scores >= 0) & (scores <= 1)).all()


def place(joint, points=POINTS):
    return points[:, OPENPOSE18.index(joint)]


def test_derived_joints():
    h36m, scores = convert(POINTS, SCORES, OPENPOSE18, SKELETONS["h36m17"])
    hips = (place("left_hip") + place("right_hip")) / 2
    np.testing.assert_allclose(h36m[:, 0], hips, rtol=1e-6)
    np.testing.assert_allclose(h36m[:, 7], (hips + place("neck")) / 2, rtol=1e-6)
    np.testing.assert_allclose(h36m[:, 10], (place("left_ear") + place("right_ear")) / 2, rtol=1e-6)
    ears = SCORES[:, [OPENPOSE18.index("left_ear"), OPENPOSE18.index("right_ear")]]
    np.testing.assert_allclose(scores[:, 10], ears.mean(1), rtol=1e-6)


def test_the_head_without_ears():
    points, scores = POINTS.copy(), SCORES.copy()
    for row, gone in enumerate((["left_ear"], ["left_ear", "right_eye"], ["left_ear", "right_eye", "nose"])):
        for joint in gone:
            points[row, OPENPOSE18.index(joint)], scores[row, OPENPOSE18.index(joint)] = np.nan, 0
    found, found_scores = convert(points, scores, OPENPOSE18, SKELETONS["ntu25"])
    head = found[:, SKELETONS["ntu25"].index("head")]
    np.testing.assert_allclose(head[0], (place("left_eye")[0] + place("right_eye")[0]) / 2, rtol=1e-6)
    np.testing.assert_array_equal(head[1], place("nose")[1])
    assert np.isnan(head[2]).all() and found_scores[2, SKELETONS["ntu25"].index("head")] == 0
    # The neck of NTU is then at the neck.
    np.testing.assert_array_equal(found[2, SKELETONS["ntu25"].index("upper_neck")], place("neck")[2])


@pytest.mark.parametrize("name", SKELETONS)
def test_the_way_to_coco_invents_nothing(name):
    points, scores = convert(*convert(POINTS, SCORES, OPENPOSE18, SKELETONS[name]), SKELETONS[name], COCO17)
    there = np.isfinite(points[..., 0])
    direct, _ = convert(POINTS, SCORES, OPENPOSE18, COCO17)
    np.testing.assert_array_equal(points[there], direct[there])
    assert there[:, [COCO17.index(joint) for joint in COMMON]].all()


def test_halpe26_has_all_its_joints_in_its_own_order():
    halpe, own = SKELETONS["halpe26"], OWN["halpe26"].split()
    for joint, name in zip(halpe.joints, own, strict=True):
        expected = {"head_top": "Head", "mid_hip": "Hip"}.get(joint)
        assert name == expected or joint_named(name) == joint
    assert [(own[a], own[b]) for a, b in halpe.flip_pairs][-3:] == [
        ("LBigToe", "RBigToe"), ("LSmallToe", "RSmallToe"), ("LHeel", "RHeel"),
    ]  # fmt: skip
    feet, scores = convert(
        POINTS[:, :1].repeat(26, 1), SCORES[:, :1].repeat(26, 1), halpe, SKELETONS["body25"]
    )
    assert np.isfinite(feet).all() and scores.all()


WHOLE_POINTS = RNG.uniform(0, 100, (3, len(BODY_HANDS_FACE), 2)).astype(np.float32)
WHOLE_SCORES = RNG.uniform(0.2, 1, WHOLE_POINTS.shape[:2]).astype(np.float32)


def whole(joint):
    return WHOLE_POINTS[:, BODY_HANDS_FACE.index(joint)]


def test_hands_are_kept_and_the_face_comes_from_its_mesh():
    points, scores = convert(WHOLE_POINTS, WHOLE_SCORES, BODY_HANDS_FACE, OPENPOSE_WHOLE)
    for part in ("left_hand", "right_hand"):
        np.testing.assert_array_equal(
            points[:, OPENPOSE_WHOLE.parts[part]], WHOLE_POINTS[:, BODY_HANDS_FACE.parts[part]]
        )
    mesh = BODY_HANDS_FACE.parts["face"]
    for point, vertices in enumerate(MESH_OF_FACE68):
        at = OPENPOSE_WHOLE.index(f"face_{point}")
        own = [mesh[vertex] for vertex in vertices]
        np.testing.assert_allclose(points[:, at], WHOLE_POINTS[:, own].mean(1), rtol=1e-5)
        np.testing.assert_allclose(scores[:, at], WHOLE_SCORES[:, own].mean(1), rtol=1e-5)
    for pupil, contour in (("right_pupil", range(36, 42)), ("left_pupil", range(42, 48))):
        eye = points[:, [OPENPOSE_WHOLE.index(f"face_{point}") for point in contour]].mean(1)
        np.testing.assert_allclose(points[:, OPENPOSE_WHOLE.index(pupil)], eye, rtol=1e-5)


def test_holistic_takes_its_own_joints_of_the_body_from_hands_and_face():
    points, _ = convert(WHOLE_POINTS, WHOLE_SCORES, BODY_HANDS_FACE, HOLISTIC543)
    for joint, source in (
        ("left_eye_outer", "face_mesh_263"),
        ("right_eye_inner", "face_mesh_133"),
        ("right_mouth", "face_mesh_61"),
        ("left_index_knuckle", "left_forefinger1"),
        ("left_elbow", "left_elbow"),
        ("right_pinky_finger3", "right_pinky_finger3"),
        ("face_mesh_100", "face_mesh_100"),
    ):
        np.testing.assert_array_equal(points[:, HOLISTIC543.index(joint)], whole(source))
    missing = {
        j for j, there in zip(HOLISTIC543.joints, np.isfinite(points).all((0, 2)), strict=True) if not there
    }
    assert missing == {f"{side}_{end}" for side in ("left", "right") for end in ("heel", "foot_index")}


@pytest.mark.parametrize("name", ["body+hands+face", "holistic543"])
def test_the_body_comes_back_from_a_whole_body(name):
    there = convert(WHOLE_POINTS, WHOLE_SCORES, BODY_HANDS_FACE, SKELETONS[name])
    back, _ = convert(*there, SKELETONS[name], BODY_HANDS)
    kept = [j for j, joint in enumerate(BODY_HANDS.joints) if joint != "neck"]
    np.testing.assert_array_equal(back[:, kept], WHOLE_POINTS[:, kept])


def test_hands_of_ntu25_come_from_the_hand_where_it_is_seen():
    points, scores = WHOLE_POINTS.copy(), WHOLE_SCORES.copy()
    hand = BODY_HANDS_FACE.parts["left_hand"]
    points[1, hand], scores[1, hand] = np.nan, 0
    ntu = SKELETONS["ntu25"]
    found, _ = convert(points, scores, BODY_HANDS_FACE, ntu)
    palm = (whole("left_hand_root") + whole("left_middle_finger1")) / 2
    for joint, place in (
        ("left_hand", palm), ("left_hand_tip", whole("left_middle_finger4")), ("left_thumb", whole("left_thumb4")),
    ):  # fmt: skip
        np.testing.assert_allclose(found[0, ntu.index(joint)], place[0], rtol=1e-6)
        np.testing.assert_array_equal(found[1, ntu.index(joint)], whole("left_wrist")[1])


def test_a_face_that_is_missing_stays_missing():
    points, scores = WHOLE_POINTS.copy(), WHOLE_SCORES.copy()
    points[0, BODY_HANDS_FACE.index("face_mesh_132")], scores[0, BODY_HANDS_FACE.index("face_mesh_132")] = (
        np.nan,
        0,
    )
    found, found_scores = convert(points, scores, BODY_HANDS_FACE, OPENPOSE_WHOLE)
    at = OPENPOSE_WHOLE.index("face_3")
    assert np.isnan(found[0, at]).all() and found_scores[0, at] == 0 and np.isfinite(found[1:, at]).all()
