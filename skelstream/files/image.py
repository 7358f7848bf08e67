"""Image files in memory: whether they are whole, and their pixels."""

from __future__ import annotations

import re

import cv2
import numpy as np

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_END, _SCAN, _ALONE = 0xD9, 0xDA, frozenset((0x01, *range(0xD0, 0xD9)))
# In a JPEG's compressed data an FF before anything but 00, FF and the restart marks begins the next segment.
_MARK = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def cut_short(data: bytes) -> bool:
    """A JPEG or PNG file without its end, which some versions of OpenCV fill up with grey and say nothing.

    What follows the end, such as the film of a phone's motion photo, is no part of the image.
    """
    if data.startswith(_PNG):
        return b"IEND" not in data
    if not data.startswith(_JPEG):
        return False
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return False  # damaged in another way, which the decoder will report
        mark = data[at + 1]
        if mark == _END:
            return False
        if mark == 0xFF:
            at += 1
        elif mark in _ALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            if mark == _SCAN:
                found = _MARK.search(data, at)
                if found is None:
                    return True
                at = found.start()
    return data[at : at + 2] != bytes((0xFF, _END))


def decoded(data: bytes, orientation: bool) -> np.ndarray | None:
    """The pixels of an image file.

    Args:
        data: the whole file; through memory, since OpenCV does not open every file name on every system.
        orientation: whether to turn the image as its Exif facts say.

    Returns:
        uint8 RGB (H, W, 3); None where it cannot be decoded or is cut short.
    """
    if not data or cut_short(data):
        return None
    try:
        image = cv2.imdecode(
            np.frombuffer(data, np.uint8),
            cv2.IMREAD_COLOR | (0 if orientation else cv2.IMREAD_IGNORE_ORIENTATION),
        )
    except cv2.error:
        return None
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
