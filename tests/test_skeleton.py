from __future__ import annotations

import numpy as np
import pytest

from skelstream.formats.joint_names import joint_named
from skelstream.skeleton import COCO17, OPENPOSE18, SKELETONS, convert

RNG = np.random.default_rng(0)
POINTS = RNG.uniform(0, 100, (3, 18, 2)).astype(np.float32)
SCORES = RNG.uniform(0.2, 1, (3, 18)).astype(np.float32)
COMMON = [
    f"{side}_{part}"
    for side in ("left", "right")
    for part in ["shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
]

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


@pytest.mark.parametrize("name", SKELETONS)
def test_every_set_is_consistent(name):
    skeleton = SKELETONS[name]
    assert len(set(skeleton.joints)) == len(skeleton) == len(skeleton.oks_sigmas)
    flipped = skeleton.flip_order
    assert [flipped[i] for i in flipped] == list(range(len(skeleton)))
    reached = {0}
    for _ in skeleton.limbs:
        reached |= {j for limb in skeleton.limbs if reached & set(limb) for j in limb}
    # The hands' tips of NTU hang on thumbs and hands, so that all joints are one figure.
    assert reached == set(range(len(skeleton)))


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
        j
        for j in target.joints
        if j == "head_top" or (name in ("body25", "halpe26") and ("toe" in j or "heel" in j))
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
