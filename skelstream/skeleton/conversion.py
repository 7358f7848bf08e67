"""Conversion of keypoints from one joint set to another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skelstream.skeleton.face import FACE68_JOINTS, MESH_JOINTS, MESH_OF_FACE68
from skelstream.skeleton.hand import SIDES
from skelstream.skeleton.skeleton import Skeleton

# Where a side's points of the face lie among iBUG's 68.
_EYE = {"right": range(36, 42), "left": range(42, 48)}
_CORNERS = {  # of the eye, near the nose and away from it, and of the mouth
    "right": {"eye_inner": 39, "eye_outer": 36, "mouth": 48},
    "left": {"eye_inner": 42, "eye_outer": 45, "mouth": 54},
}


def _derived() -> Iterator[tuple[str, tuple[tuple[str, ...], ...]]]:
    """Yield joints derived from others: the mean of the first group; where that is missing, the mean of the next."""
    yield "neck", (("left_shoulder", "right_shoulder"),)
    yield "mid_hip", (("left_hip", "right_hip"),)
    yield "spine", (("neck", "mid_hip"),)
    yield "head", (("left_ear", "right_ear"), ("left_eye", "right_eye"), ("nose",))
    yield "upper_neck", (("neck", "head"), ("neck",))
    for joint, points in zip(FACE68_JOINTS, MESH_OF_FACE68, strict=True):
        yield joint, (tuple(MESH_JOINTS[point] for point in points),)
    for side in SIDES:
        wrist = (f"{side}_wrist",)
        yield f"{side}_hand", ((f"{side}_hand_root", f"{side}_middle_finger1"), wrist)
        yield f"{side}_hand_tip", ((f"{side}_middle_finger4",), wrist)
        yield f"{side}_thumb", ((f"{side}_thumb4",), wrist)
        yield f"{side}_foot", ((f"{side}_ankle",),)
        yield f"{side}_pupil", (tuple(FACE68_JOINTS[point] for point in _EYE[side]),)
        for corner, point in _CORNERS[side].items():
            yield f"{side}_{corner}", ((FACE68_JOINTS[point],),)
        for finger, joint in (("pinky", "pinky_finger1"), ("index", "forefinger1"), ("thumb", "thumb2")):
            yield f"{side}_{finger}_knuckle", ((f"{side}_{joint}",),)


_DERIVED = dict(_derived())


def convert(
    keypoints: np.ndarray, scores: np.ndarray, source: Skeleton, target: Skeleton
) -> tuple[np.ndarray, np.ndarray]:
    """Convert keypoints from one joint set to another.

    A joint that the source set lacks is derived from its neighbours where they determine it roughly, with the
    mean of their scores: neck and mid-hip are the middle of both shoulders or hips; the spine is between neck
    and mid-hip; the head is between the ears, else between the eyes, else at the nose; NTU's neck is between
    neck and head; NTU's hands, their tips and thumbs come from the joints of the hand, else from the wrist, and
    its feet are at the ankles; the 68 points of the face come from the mesh (``face.MESH_OF_FACE68``), and the
    pupils are the middle of the eye's contour; MediaPipe's corners of eyes and mouth come from the face, its
    knuckles from the hand. Any other joint that the source set lacks is missing: NaN, score 0.

    Args:
        keypoints: float (..., V, 2), NaN where missing.
        scores: float (..., V) in [0, 1].
        source: joint set of ``keypoints``, V joints.
        target: joint set to convert to, W joints.

    Returns:
        keypoints float32 (..., W, 2) and scores float32 (..., W).
    """
    keypoints, scores = np.asarray(keypoints, np.float32), np.asarray(scores, np.float32)
    if source == target:
        return keypoints.copy(), scores.copy()
    at = {name: i for i, name in enumerate(source.joints)}
    places = np.array([at.get(name, -1) for name in target.joints])
    lacking = places < 0
    out_keypoints, out_scores = keypoints.take(places, -2), scores.take(places, -1)
    out_keypoints[..., lacking, :], out_scores[..., lacking] = np.nan, 0
    for i in np.flatnonzero(lacking).tolist():
        found = _joint(target.joints[i], at, keypoints, scores)
        if found is not None:
            out_keypoints[..., i, :], out_scores[..., i] = found
    return out_keypoints, out_scores


def _joint(
    name: str, at: dict[str, int], keypoints: np.ndarray, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return position (..., 2) and score (...) of a joint, known or derived; None if it cannot be derived either."""
    if name in at:
        return keypoints[..., at[name], :], scores[..., at[name]]
    found = None
    for group in _DERIVED.get(name, ()):
        parts = [part for end in group if (part := _joint(end, at, keypoints, scores)) is not None]
        if len(parts) < len(group):
            continue
        place = np.asarray(sum(place for place, _ in parts) / len(parts))
        score = np.where(np.isfinite(place[..., 0]), sum(score for _, score in parts) / len(parts), 0)
        if found is not None:
            first = np.isfinite(found[0][..., 0])
            place, score = np.where(first[..., None], found[0], place), np.where(first, found[1], score)
        found = place, score
    return found
