"""Self-contained HTML page that plays a skeleton sequence in a browser."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import zlib
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import numpy as np

from skelstream.drawing.by_frame import image_size, video_times
from skelstream.drawing.colors import HAND_COLORS, PALETTE, RGB, paler, side_shade, text_on
from skelstream.drawing.figure import FACE, body_joints, figure, head_joints, limb_side
from skelstream.errors import OutputError, SourceError
from skelstream.sequences import SkeletonSequence
from skelstream.sequences.lifted import SKELETON
from skelstream.sequences.meta import names_of
from skelstream.skeleton import Skeleton, joint_side

_SCRIPTS = ("data.js", "stage.js", "charts.js", "space.js", "player.js", "edits.js", "app.js")
_FINEST_STEP = 0.1  # pixels; finer steps would only make the page larger
_LARGEST_EMBEDDED = 256 * 2**20  # bytes; browsers refuse data URLs above about 512 MB
_NOT_LIFTED = 32767  # minus this, in millimetres, marks a joint that was not lifted
_MIME = {".webm": "video/webm", ".mkv": "video/webm", ".ogv": "video/ogg"}


def report_page(sequence: SkeletonSequence, title: str, video: str | None = None) -> str:
    """Return the HTML of a page that needs no other file than, if given, the video.

    Coordinates are packed in steps of 0.1 pixels, or of 1/65535 of their range if that is more. Of a face the page holds the
    points of the contours.

    Args:
        sequence: the sequence.
        title: title of the page.
        video: URL of the video, relative to the page or ``data:``; None for no video.
    """
    skeleton = sequence.skeleton
    kept = _kept_joints(skeleton)
    step, origin, packed = _packed(sequence, kept)
    height, width = image_size(sequence)
    facts = {
        "rows": len(sequence.frame),
        "frames": sequence.frames,
        "tracks": len(sequence),
        "joints": [skeleton.joints[j] for j in kept],
        "sides": [joint_side(skeleton.joints[j]) for j in kept],
        **_figure(skeleton, kept),
        "size": [height, width],
        "step": step,
        "origin": origin,
        "palette": [
            [
                _css(side_shade(color, "left")),
                _css(color),
                _css(side_shade(color, "right")),
                _css(text_on(color)),
                _css(paler(color)),
            ]
            for color in PALETTE
        ],
        "hands": {hand: _css(color) for hand, color in HAND_COLORS.items()},
        "space": _space(sequence),
        "video": video,
        "names": {str(track): name for track, name in names_of(sequence.meta).items()},
        "summary": _summary(sequence),
    }
    page = files("skelstream.viewer").joinpath("page")
    parts = {
        "title": html.escape(title),
        "style": page.joinpath("page.css").read_text("utf-8"),
        # "<" could end the script element or start a comment in it.
        "facts": json.dumps(facts, allow_nan=False).replace("<", "\\u003c"),
        "packed": base64.b64encode(packed).decode("ascii"),
        "script": "\n".join(page.joinpath(name).read_text("utf-8") for name in _SCRIPTS),
    }
    template = page.joinpath("page.html").read_text("utf-8")
    return re.sub(r"{{(\w+)}}", lambda match: parts[match[1]], template)


def video_link(video: Path, page: Path) -> str:
    """Return the URL of ``video`` relative to ``page``, so that both can be moved together.

    Raises:
        SourceError: there is no such file.
    """
    if not video.is_file():
        raise SourceError(
            f"{video}: no such video file; give the path of the video that the page should play"
        )
    try:
        return quote(Path(os.path.relpath(video.resolve(), page.resolve().parent)).as_posix())
    except ValueError:  # another drive
        return video.resolve().as_uri()


def video_data(video: Path) -> str:
    """Return ``video`` as a ``data:`` URL.

    Raises:
        SourceError: there is no such file.
        OutputError: the file is too large to embed.
    """
    if not video.is_file():
        raise SourceError(
            f"{video}: no such video file; give the path of the video that the page should play"
        )
    size = video.stat().st_size
    if size > _LARGEST_EMBEDDED:
        raise OutputError(
            f"{video} is too large to embed ({size / 2**20:.0f} MiB, at most"
            f" {_LARGEST_EMBEDDED / 2**20:.0f}); keep it beside the page instead",
            setting="embed",
        )
    kind = _MIME.get(video.suffix.lower(), "video/mp4")
    return f"data:{kind};base64,{base64.b64encode(video.read_bytes()).decode('ascii')}"


def _kept_joints(skeleton: Skeleton) -> list[int]:
    """Return the joints that the page holds: all but the points of a face that are on no contour, which are most of them."""
    on_contour = {j for limb in skeleton.limbs for j in limb}
    inside = set(skeleton.parts.get(FACE, ())) - on_contour
    return [j for j in range(len(skeleton)) if j not in inside]


def _figure(skeleton: Skeleton, kept: list[int]) -> dict[str, object]:
    """Return what is drawn: each part with its joints and limbs, the joints of the body's head, and those that tell the size."""
    place = {j: i for i, j in enumerate(kept)}
    return {
        "figure": [
            {
                "name": part.name,
                "joints": [place[j] for j in part.joints if j in place],
                "limbs": [[place[a], place[b], limb_side(skeleton, a, b)] for a, b in part.limbs],
            }
            for part in figure(skeleton)
        ],
        "head": sorted(place[j] for j in head_joints(skeleton)),
        "body": [place[j] for j in body_joints(skeleton).tolist() if j in place],
    }


def _packed(sequence: SkeletonSequence, kept: list[int]) -> tuple[float, list[float], bytes]:
    """Return step and origin of the coordinates, and the compressed arrays in the order in which ``data.js`` reads.

    Args:
        sequence: the sequence.
        kept: the joints to pack.
    """
    keypoints, joint_scores = sequence.keypoints[:, kept], sequence.scores[:, kept]
    present = np.isfinite(keypoints[..., 0])
    points = keypoints[present].astype(np.float64)
    low = points.min(0) if len(points) else np.zeros(2)
    span = float((points.max(0) - low).max()) if len(points) else 0.0
    step = max(_FINEST_STEP, span / 65535)
    # A missing joint repeats the position before it, which compresses to nothing; its score is 0.
    rows = np.arange(len(present))[:, None]
    last = np.maximum.accumulate(np.where(present, rows, 0), axis=0) if len(present) else rows
    held = np.nan_to_num(np.take_along_axis(keypoints, last[..., None], axis=0) - low)
    cells = np.round(np.maximum(held, 0) / step).astype(np.uint16)
    steps = np.diff(cells, axis=0, prepend=np.zeros_like(cells[:1])).transpose(1, 2, 0)  # (V, 2, N)
    scores = np.where(present, np.maximum(np.round(joint_scores * 255), 1), 0).astype(np.uint8)
    parts = [
        video_times(sequence).astype("<f8"),
        sequence.frame_index.astype("<i4"),
        sequence.frame.astype("<i4"),
        sequence.track_ids.astype("<i4"),
        sequence.track_start.astype("<i4"),
        (steps & 255).astype(np.uint8),
        (steps >> 8).astype(np.uint8),
        scores.T,
        sequence.frame_ok.astype(np.uint8),
        *_packed_space(sequence),
    ]
    data = zlib.compress(b"".join(np.ascontiguousarray(part).tobytes() for part in parts), 6)
    return step, low.tolist(), data


def _space(sequence: SkeletonSequence) -> dict[str, object] | None:
    """Return the joints and limbs in 3D; None if the sequence was not lifted."""
    if sequence.lifted is None:
        return None
    limbs = [[a, b, limb_side(SKELETON, a, b)] for a, b in SKELETON.limbs]
    return {"joints": SKELETON.joints, "limbs": limbs}


def _packed_space(sequence: SkeletonSequence) -> list[np.ndarray]:
    """Return 3D joints in millimetres, int16 (N, 17, 3), and whether each was observed, uint8 (N, 17)."""
    if sequence.lifted is None:
        return []
    places = sequence.lifted.keypoints
    present = np.isfinite(places)
    millimetres = np.clip(np.round(np.where(present, places, 0) * 1000), -_NOT_LIFTED + 1, _NOT_LIFTED)
    return [
        np.where(present, millimetres, -_NOT_LIFTED).astype("<i2"),
        sequence.lifted.observed.astype(np.uint8),
    ]


def _summary(sequence: SkeletonSequence) -> str:
    """Return a summary such as ``"640 × 480, 300 frames, 12.0 s, 3 tracks, coco17"``."""
    height, width = image_size(sequence)
    seconds = float(video_times(sequence)[-1]) if sequence.frames else 0.0
    tracks = f"{len(sequence)} {'track' if len(sequence) == 1 else 'tracks'}"
    facts = [f"{width} × {height}", f"{sequence.frames} frames", f"{seconds:.1f} s", tracks]
    return ", ".join([*facts, sequence.skeleton.name])


def _css(color: RGB) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
