"""Image files in memory: completeness check and decoding."""

from __future__ import annotations

import re

import cv2
import numpy as np

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
# JPEG markers: end of image, start of scan, and those without a length.
_END, _SCAN, _WITHOUT_LENGTH = 0xD9, 0xDA, frozenset((0x01, *range(0xD0, 0xD9)))
# In a JPEG's compressed data an FF before anything but 00, FF and the restart markers begins the next
# segment.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def is_truncated(data: bytes) -> bool:
    """Return whether a JPEG or PNG file lacks its end, which some versions of OpenCV silently fill with grey.

    Data after the end, such as the film of a phone's motion photo, is not part of the image.
    """
    if data.startswith(_PNG):
        return b"IEND" not in data
    if not data.startswith(_JPEG):
        return False
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return False  # damaged in another way, which the decoder will report
        marker = data[at + 1]
        if marker == _END:
            return False
        if marker == 0xFF:
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            if marker == _SCAN:
                found = _MARKER.search(data, at)
                if found is None:
                    return True
                at = found.start()
    return data[at : at + 2] != bytes((0xFF, _END))


def decode_image(data: bytes, orientation: bool) -> np.ndarray | None:
    """Decode an image file.

    Args:
        data: content of the file; OpenCV cannot open every file name on every system.
        orientation: whether to apply the Exif orientation.

    Returns:
        uint8 RGB (H, W, 3); None if the image cannot be decoded or is truncated.
    """
    if not data or is_truncated(data):
        return None
    try:
        image = cv2.imdecode(
            np.frombuffer(data, np.uint8),
            cv2.IMREAD_COLOR | (0 if orientation else cv2.IMREAD_IGNORE_ORIENTATION),
        )
    except cv2.error:
        return None
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
