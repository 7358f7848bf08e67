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
from skelstream.drawing.colors import PALETTE, RGB, side_shade, text_on
from skelstream.drawing.figure import figure_limbs, limb_side
from skelstream.errors import OutputError, SourceError
from skelstream.sequences import SkeletonSequence
from skelstream.sequences.lifted import SKELETON
from skelstream.sequences.meta import names_of
from skelstream.skeleton import joint_side

_SCRIPTS = ("data.js", "stage.js", "charts.js", "space.js", "player.js", "edits.js", "app.js")
_FINEST_STEP = 0.1  # pixels; finer steps would only make the page larger
_LARGEST_EMBEDDED = 256 * 2**20  # bytes; browsers refuse data URLs above about 512 MB
_NOT_LIFTED = 32767  # minus this, in millimetres, marks a joint that was not lifted
_MIME = {".webm": "video/webm", ".mkv": "video/webm", ".ogv": "video/ogg"}


def report_page(sequence: SkeletonSequence, title: str, video: str | None = None) -> str:
    """Return the HTML of a page that needs no other file than, if given, the video.

    Coordinates are packed in steps of 0.1 pixels, or of 1/65535 of their range if that is more.

    Args:
        sequence: the sequence.
        title: title of the page.
        video: URL of the video, relative to the page or ``data:``; None for no video.
    """
    step, origin, packed = _packed(sequence)
    height, width = image_size(sequence)
    skeleton = sequence.skeleton
    facts = {
        "rows": len(sequence.frame),
        "frames": sequence.frames,
        "tracks": len(sequence),
        "joints": skeleton.joints,
        "sides": [joint_side(joint) for joint in skeleton.joints],
        "limbs": [[a, b, limb_side(skeleton, a, b)] for a, b in figure_limbs(skeleton)],
        "size": [height, width],
        "step": step,
        "origin": origin,
        "palette": [
            [
                _css(side_shade(color, "left")),
                _css(color),
                _css(side_shade(color, "right")),
                _css(text_on(color)),
            ]
            for color in PALETTE
        ],
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


def _packed(sequence: SkeletonSequence) -> tuple[float, list[float], bytes]:
    """Return step and origin of the coordinates, and the compressed arrays in the order in which ``data.js``
    reads."""
    present = np.isfinite(sequence.keypoints[..., 0])
    points = sequence.keypoints[present].astype(np.float64)
    low = points.min(0) if len(points) else np.zeros(2)
    span = float((points.max(0) - low).max()) if len(points) else 0.0
    step = max(_FINEST_STEP, span / 65535)
    # A missing joint repeats the position before it, which compresses to nothing; its score is 0.
    rows = np.arange(len(present))[:, None]
    last = np.maximum.accumulate(np.where(present, rows, 0), axis=0) if len(present) else rows
    held = np.nan_to_num(np.take_along_axis(sequence.keypoints, last[..., None], axis=0) - low)
    cells = np.round(np.maximum(held, 0) / step).astype(np.uint16)
    steps = np.diff(cells, axis=0, prepend=np.zeros_like(cells[:1])).transpose(1, 2, 0)  # (V, 2, N)
    scores = np.where(present, np.maximum(np.round(sequence.scores * 255), 1), 0).astype(np.uint8)
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
