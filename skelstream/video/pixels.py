"""Conversion of decoded frames to upright RGB images of one size with square pixels."""

from __future__ import annotations

import math
from fractions import Fraction

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import VideoReformatter

# Numbers of ITU-T H.273 (matrix coefficients, range) in FFmpeg's frames.
_BT709, _UNSPECIFIED, _SMPTE170M = 1, 2, 6
_LIMITED, _FULL = 1, 2
# FFmpeg's scaler has its own numbers for matrices (SWS_CS_*); only the first two are ever guessed.
_SWS = {_BT709: 1, _SMPTE170M: 5, 4: 4, 5: 5, 7: 7, 9: 9, 10: 9}
_HD_HEIGHT = 720
_MAX_ASPECT = 8


class Upright:
    """Converter of one source's decoded frames to upright images of one size.

    The size is that of the first upright frame: the stored height, the width stretched by the sample aspect
    ratio, both rotated (and mirrored) by the display matrix. A later frame of another size is scaled to fit, centred, and
    padded with black.

    Attributes:
        height, width: size of every image in pixels.
        rotation: counter-clockwise rotation in degrees that makes the stored image upright (0, 90, 180, 270).
        fitted: number of images so far that had another size.
    """

    def __init__(self, first: VideoFrame, aspect: Fraction | None, turned: VideoFrame | None = None) -> None:
        """
        Args:
            first: the first decoded frame.
            aspect: sample aspect ratio, width over height of a stored pixel; None or a ratio above 8 or below
                1/8 means 1.
            turned: frame that carries the display matrix; None if the first does.
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
        self.fitted = 0
        self._reformatter = VideoReformatter()

    def image(self, frame: VideoFrame) -> np.ndarray:
        """Return the frame as contiguous uint8 RGB (height, width, 3)."""
        image = _rgb(self._reformatter, frame, self._square_width(frame))
        if self._transposed:
            image = cv2.transpose(image)
        if self._flip_x and self._flip_y:
            image = cv2.flip(image, -1)
        elif self._flip_x or self._flip_y:
            image = cv2.flip(image, 1 if self._flip_x else 0)
        self.fitted += image.shape[:2] != (self.height, self.width)
        return fit(np.ascontiguousarray(image), self.height, self.width)

    def _square_width(self, frame: VideoFrame) -> int:
        return max(1, round(frame.width * self._aspect))


def fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return an image (H, W, 3) as (height, width, 3): scaled to fit, centred, padded with black."""
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
    """Return the 2x2 part [[a, b], [c, d]] of the display matrix: x' = a x + c y, y' = b x + d y (y down)."""
    side = frame.side_data.get("DISPLAYMATRIX")
    if side is None:
        return np.eye(2)
    return np.frombuffer(bytes(side), np.int32)[:9].reshape(3, 3)[:2, :2].astype(float)


def _rgb(reformatter: VideoReformatter, frame: VideoFrame, width: int) -> np.ndarray:
    """Convert a frame to uint8 RGB with the colour matrix and range that it declares.

    A frame without a declared matrix is read as BT.709 from a height of 720 pixels on, else as BT.601, as
    players do.
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
