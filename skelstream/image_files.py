"""What can be said of an image file before it is decoded."""

from __future__ import annotations

import re

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
            return False  # damaged in another way: the decoder has the word
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
