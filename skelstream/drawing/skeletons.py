"""Drawing of people on images: limbs, joints and track ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from skelstream.drawing.colors import HAND_COLORS, RGB, paler, side_shade, text_on, track_color
from skelstream.drawing.figure import BODY, FACE, Part, body_joints, figure, head_joints, limb_side
from skelstream.drawing.layer import Layer
from skelstream.skeleton import Skeleton, joint_side

_OUTLINE_OPACITY = 0.55
_FAINTEST, _OPAQUE_FROM = 0.35, 0.7  # opacity of a joint of score 0; score from which a joint is opaque
# Width of lines as a share of the size of a hand or face, and their least width as a share of the body's least one.
_HAND_LINES, _FACE_LINES = (0.028, 0.6), (0.01, 0.4)
_SIDES = ("left", "right", "")
_LONGEST_NAME = 20  # letters of a name in a label
_LEAST_FACE = 5  # points from which a face's contours stand for the body's nose, eyes and ears
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CAPITALS = (
    21.5  # height in pixels of the font's capitals and digits at scale 1; its text box varies by version
)


@dataclass(frozen=True)
class Style:
    """Style of drawn people.

    Attributes:
        thickness: limb width as a share of the person's size.
        thinnest, thickest: bounds of the limb width in pixels.
        labels: whether to write the track's id and name above each person.
        label_height: height of the label in pixels; None to derive it from the height of the image.
        min_score: least score of drawn joints.
    """

    thickness: float = 0.018
    thinnest: int = 2
    thickest: int = 24
    labels: bool = True
    label_height: int | None = None
    min_score: float = 0.0


def draw_people(
    image: np.ndarray,
    keypoints: np.ndarray,
    scores: np.ndarray,
    skeleton: Skeleton,
    ids: Sequence[int] | np.ndarray | None = None,
    style: Style = Style(),
    names: Mapping[int, str] = MappingProxyType({}),
) -> np.ndarray:
    """Return a copy of ``image`` with people drawn on it.

    A person has the colour of its track; left limbs are a little lighter than right ones. Hands have colours of their own, a
    face is drawn as contours in a pale shade. The width of limbs grows with the size of the body, the hand or the face, their
    opacity with the joints' scores. Missing joints and limbs with a missing end are left out.

    Args:
        image: uint8 RGB (H, W, 3).
        keypoints: float (P, V, 2), source pixels, NaN where missing.
        scores: float (P, V) in [0, 1].
        skeleton: joint set of V joints.
        ids: P track ids; None to number the people 1 to P without labels.
        style: style of the drawing.
        names: names of tracks by id, which labels show beside the id.

    Returns:
        uint8 RGB (H, W, 3).

    Raises:
        ValueError: the shapes disagree.
    """
    keypoints, scores = np.asarray(keypoints, np.float32), np.asarray(scores, np.float32)
    if keypoints.shape != (len(keypoints), len(skeleton), 2) or scores.shape != keypoints.shape[:2]:
        expected = f"(P, {len(skeleton)}, 2) and (P, {len(skeleton)})"
        raise ValueError(f"keypoints {keypoints.shape} and scores {scores.shape} are not {expected}")
    canvas = np.array(image, np.uint8, order="C")
    drawn = np.isfinite(keypoints).all(-1) & (scores >= style.min_score)
    body = body_joints(skeleton)
    sizes = np.array(
        [
            person_size(points[body][joints[body]] if joints[body].any() else points[joints])
            for points, joints in zip(keypoints, drawn, strict=True)
        ]
    )
    track_ids = np.arange(1, len(keypoints) + 1) if ids is None else np.asarray(ids)
    far_to_near = [p for p in np.argsort(sizes, kind="stable").tolist() if drawn[p].any()]
    for p in far_to_near:
        color = track_color(int(track_ids[p]))
        width = limb_width(float(sizes[p]), style)
        _draw_person(canvas, keypoints[p], scores[p], drawn[p], skeleton, color, width, style.thinnest)
    if style.labels and ids is not None:
        height = style.label_height or max(12, round(canvas.shape[0] * 0.028))
        for p in far_to_near:
            points = keypoints[p][drawn[p]]
            middle = keypoints[p][body][drawn[p][body]]
            x = float((middle if len(middle) else points)[:, 0].mean())
            top = float(points[:, 1].min())
            track = int(track_ids[p])
            draw_label(
                canvas, _label(track, names.get(track)), (x, top - height * 1.4), height, track_color(track)
            )
    return canvas


def _label(track: int, name: str | None) -> str:
    """Return a track's id, with its name if it has one."""
    if name is None:
        return str(track)
    return f"{track} {name if len(name) <= _LONGEST_NAME else f'{name[: _LONGEST_NAME - 1]}…'}"


def person_size(points: np.ndarray) -> float:
    """Return the longer side in pixels of the box around a person's points (K, 2); 0 without points."""
    return float(np.ptp(points, axis=0).max()) if len(points) else 0.0


def limb_width(size: float, style: Style = Style()) -> int:
    """Return the limb width in pixels of a person of that size in pixels."""
    return int(np.clip(round(size * style.thickness), style.thinnest, style.thickest))


def draw_label(
    canvas: np.ndarray, text: str, bottom_center: tuple[float, float], height: int, color: RGB
) -> None:
    """Write ``text`` on a patch of ``color``, in place and kept inside the image.

    Args:
        canvas: uint8 RGB (H, W, 3), C-contiguous.
        text: short text; with OpenCV 4 only ASCII is legible.
        bottom_center: x, y of the patch's lower middle in pixels.
        height: height of the patch in pixels.
        color: colour of the patch; the text is black or white.
    """
    capitals = 0.62 * height
    scale = capitals / _CAPITALS
    weight = max(1, round(height / 14))
    text_width = cv2.getTextSize(text, _FONT, scale, weight)[0][0]
    width = text_width + round(height * 0.5)
    left = int(np.clip(round(bottom_center[0] - width / 2), 0, max(0, canvas.shape[1] - width)))
    top = int(np.clip(round(bottom_center[1] - height), 0, max(0, canvas.shape[0] - height)))
    cv2.rectangle(canvas, (left, top), (left + width - 1, top + height - 1), color, cv2.FILLED)
    cv2.rectangle(canvas, (left - 1, top - 1), (left + width, top + height), (0, 0, 0), 1)
    at = (left + (width - text_width) // 2, top + round((height + capitals) / 2) - 1)
    cv2.putText(canvas, text, at, _FONT, scale, text_on(color), weight, cv2.LINE_AA)


def _draw_person(
    canvas: np.ndarray,
    points: np.ndarray,
    scores: np.ndarray,
    drawn: np.ndarray,
    skeleton: Skeleton,
    color: RGB,
    width: int,
    thinnest: int,
) -> None:
    """Draw one person in place, through a transparent layer so that overlapping strokes do not add up."""
    layer = Layer(canvas, points[drawn], 2 * width + 3)
    opacity = _FAINTEST + (1 - _FAINTEST) * np.clip(scores / _OPAQUE_FROM, 0, 1)
    head = head_joints(skeleton)
    with_face = drawn[list(skeleton.parts.get(FACE, ()))].sum() >= _LEAST_FACE
    shown = np.array([drawn[j] and not (with_face and j in head) for j in range(len(skeleton))])

    def fine(joints: list[int], share: float, least: float) -> int:
        """Return the width of lines of a hand or face, never more than the body's."""
        return min(width, max(1, round(thinnest * least), round(person_size(points[joints]) * share)))

    for part in figure(skeleton):
        joints = [j for j in part.joints if shown[j]]
        if part.name == FACE:
            lines = fine(joints, *_FACE_LINES)
            for a, b in part.limbs:
                if shown[a] and shown[b]:
                    layer.line(points[a], points[b], paler(color), min(opacity[a], opacity[b]), lines)
        elif part.name == BODY:
            colors: Mapping[str, RGB] = {side: side_shade(color, side) for side in _SIDES}
            _draw_part(layer, points, opacity, shown, skeleton, part, _Pen(width, head, colors))
        else:
            lines = fine(joints, *_HAND_LINES)
            colors = dict.fromkeys(_SIDES, HAND_COLORS.get(part.name, color))
            _draw_part(layer, points, opacity, shown, skeleton, part, _Pen(lines, frozenset(), colors))
    layer.merge()


@dataclass(frozen=True)
class _Pen:
    """How to draw a part.

    Attributes:
        width: width of limbs in pixels.
        fine: joints whose limbs and dots are finer.
        colors: colour by side: ``"left"``, ``"right"`` or ``""``.
    """

    width: int
    fine: frozenset[int]
    colors: Mapping[str, RGB]

    def width_at(self, *joints: int) -> int:
        return max(1, round(0.6 * self.width)) if all(j in self.fine for j in joints) else self.width


def _draw_part(
    layer: Layer,
    points: np.ndarray,
    opacity: np.ndarray,
    shown: np.ndarray,
    skeleton: Skeleton,
    part: Part,
    pen: _Pen,
) -> None:
    """Draw the limbs of a part with their outlines, then its joints."""
    limbs = [(a, b) for a, b in part.limbs if shown[a] and shown[b]]
    joints = [j for j in part.joints if shown[j]]
    outline = 1 if pen.width < 6 else 2

    def stroke(a: int, b: int, color: RGB, strength: float, extra: int) -> None:
        layer.line(
            points[a], points[b], color, strength * min(opacity[a], opacity[b]), pen.width_at(a, b) + extra
        )

    def dot(j: int, color: RGB, strength: float, extra: int) -> None:
        radius = max(1.0, 0.85 * pen.width_at(j))
        layer.dot(points[j], radius + extra, color, strength * opacity[j])

    for a, b in limbs:
        stroke(a, b, (0, 0, 0), _OUTLINE_OPACITY, 2 * outline)
    for j in joints:
        dot(j, (0, 0, 0), _OUTLINE_OPACITY, outline)
    for a, b in limbs:
        stroke(a, b, pen.colors[limb_side(skeleton, a, b)], 1, 0)
    for j in joints:
        dot(j, pen.colors[joint_side(skeleton.joints[j])], 1, 0)
