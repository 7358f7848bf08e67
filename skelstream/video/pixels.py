"""Decoded frames to upright, square-pixel RGB images of one size."""

from __future__ import annotations

import math
from fractions import Fraction

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import VideoReformatter

# The numbers of ITU-T H.273 (matrix coefficients, range) that FFmpeg's frames carry.
_BT709, _UNSPECIFIED, _SMPTE170M = 1, 2, 6
_LIMITED, _FULL = 1, 2
# FFmpeg's scaler names its matrices by its own numbers (SWS_CS_*); only these two are ever guessed.
_SWS = {_BT709: 1, _SMPTE170M: 5, 4: 4, 5: 5, 7: 7, 9: 9, 10: 9}
_HD_HEIGHT = 720
_MAX_ASPECT = 8


class Upright:
    """Turns the decoded frames of one source into images of one size.

    The size is that of the first frame once it is upright: stored height kept, width stretched by the sample
    aspect ratio, then turned (and mirrored) by the display matrix. A later frame of another size is scaled to
    fit, centred, and padded with black, so that one size holds for the whole source.

    Attributes:
        height, width: pixels of every image.
        rotation: degrees counter-clockwise that make the stored image upright (0, 90, 180, 270).
    """

    def __init__(self, first: VideoFrame, aspect: Fraction | None, turned: VideoFrame | None = None) -> None:
        """
        Args:
            first: the first frame that decoded.
            turned: a frame that carries the display matrix; None if the first does.
            aspect: sample aspect ratio, width over height of a stored pixel; None or absurd values mean 1.
        """
        self._aspect = float(aspect or 1)
        if not 1 / _MAX_ASPECT <= self._aspect <= _MAX_ASPECT:
            self._aspect = 1.0
        matrix = _display_matrix(turned or first)
        self._transposed = abs(matrix[0, 1]) + abs(matrix[1, 0]) > abs(matrix[0, 0]) + abs(matrix[1, 1])
        across, down = (matrix[1, 0], matrix[0, 1]) if self._transposed else (matrix[0, 0], matrix[1, 1])
        self._flip_x, self._flip_y = across < 0, down < 0
        self.rotation = round(-math.degrees(math.atan2(matrix[0, 1], matrix[0, 0])) / 90) % 4 * 90
        size = (first.height, self._square_width(first))
        self.height, self.width = size[::-1] if self._transposed else size
        self._reformatter = VideoReformatter()

    def image(self, frame: VideoFrame) -> np.ndarray:
        """The frame as contiguous uint8 RGB (height, width, 3)."""
        image = _rgb(self._reformatter, frame, self._square_width(frame))
        if self._transposed:
            image = cv2.transpose(image)
        if self._flip_x and self._flip_y:
            image = cv2.flip(image, -1)
        elif self._flip_x or self._flip_y:
            image = cv2.flip(image, 1 if self._flip_x else 0)
        return fit(np.ascontiguousarray(image), self.height, self.width)

    def _square_width(self, frame: VideoFrame) -> int:
        return max(1, round(frame.width * self._aspect))


def fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The image (H, W, 3) at (height, width): scaled to fit, centred, padded with black."""
    if image.shape[:2] == (height, width):
        return image
    scale = min(height / image.shape[0], width / image.shape[1])
    inner = max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale))
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    fitted = np.zeros((height, width, 3), np.uint8)
    fitted[top : top + inner[0], left : left + inner[1]] = cv2.resize(image, inner[::-1], interpolation=mode)
    return fitted


def _display_matrix(frame: VideoFrame) -> np.ndarray:
    """The 2x2 part [[a, b], [c, d]] of the display matrix: x' = a x + c y, y' = b x + d y (y down)."""
    side = frame.side_data.get("DISPLAYMATRIX")
    if side is None:
        return np.eye(2)
    return np.frombuffer(bytes(side), np.int32)[:9].reshape(3, 3)[:2, :2].astype(float)


def _rgb(reformatter: VideoReformatter, frame: VideoFrame, width: int) -> np.ndarray:
    """uint8 RGB, with the frame's own matrix and range where it says so.

    An untagged frame of high definition is taken for BT.709 and a smaller one for BT.601, as players do.
    """
    tagged = int(frame.colorspace)
    guess = _BT709 if frame.height >= _HD_HEIGHT else _SMPTE170M
    matrix = _SWS.get(tagged, _SWS[guess])
    source_range = int(frame.color_range)
    if source_range not in (_LIMITED, _FULL):
        source_range = _FULL if _full_by_format(frame) else _LIMITED
    rgb = reformatter.reformat(
        frame,
        width=width,
        height=frame.height,
        format="rgb24",
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=source_range,
        dst_color_range=_FULL,
    )
    return rgb.to_ndarray()


def _full_by_format(frame: VideoFrame) -> bool:
    name = frame.format.name
    return name.startswith(("yuvj", "gray", "mono", "ya")) or frame.format.is_rgb or name == "pal8"
