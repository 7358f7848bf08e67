"""Images of animated WebP and PNG files as they are stored, and files without the damaged ones."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

_PNG = b"\x89PNG\r\n\x1a\n"
# Chunks that may follow the first image of an animated WebP besides images.
_WEBP_METADATA = {b"EXIF", b"XMP "}
_DEFAULT_SECONDS = 0.1  # of an image whose duration is 0, as in browsers
_IMAGE_AT, _TRAILER = 16, b"IEND"


@dataclass(frozen=True)
class Part:
    """One image of an animation as the file stores it.

    Attributes:
        seconds: how long it is shown.
        alone: whether it replaces the whole canvas, so that it needs none of the images before it.
        intact: whether it is complete, its checksums are right and it can be decoded.
        chunks: its chunks, kind and content.
    """

    seconds: float
    alone: bool
    intact: bool
    chunks: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Animation:
    """An animation in a file.

    Attributes:
        data: the file without the damaged images.
        shown: flags of the images, in order: whether an image and all that it needs are intact.
        kept: flags of the images, in order: whether an image is in ``data``.
        seconds: durations for which the images are shown, in order.
        truncated: whether the file ends too early.
    """

    data: np.ndarray
    shown: list[bool]
    kept: list[bool]
    seconds: list[float]
    truncated: bool

    @property
    def intact(self) -> bool:
        """Whether nothing is damaged or lost."""
        return all(self.shown) and not self.truncated


def read_animation(data: bytes) -> Animation | None:
    """Return the animation in a WebP or PNG file; None if its beginning is damaged."""
    try:
        if data.startswith(_PNG):
            return _png(data)
        return _webp(data)
    except (struct.error, IndexError):
        return None


def _selected(parts: list[Part]) -> tuple[list[bool], list[bool]]:
    """Return for each part whether it can be shown, and whether a file without damage holds it."""
    shown, kept, damaged, begun = [], [], False, False
    for part in parts:
        damaged = not part.intact or (damaged and not part.alone)
        begun = begun or not damaged
        shown.append(not damaged)
        kept.append(begun and part.intact)
    return shown, kept


def _webp(data: bytes) -> Animation:
    end = 8 + struct.unpack_from("<I", data, 4)[0]
    head: list[bytes] = []
    parts: list[Part] = []
    place = 12
    canvas = tuple(int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    while place + 8 <= min(len(data), end):
        kind, size = data[place : place + 4], struct.unpack_from("<I", data, place + 4)[0]
        content = data[place + 8 : place + 8 + size]
        if kind == b"ANMF" or (parts and kind not in _WEBP_METADATA):
            seconds = int.from_bytes(content[12:15], "little") / 1000 or _DEFAULT_SECONDS
            intact = kind == b"ANMF" and len(content) == size and _webp_decodes(content)
            alone = intact and _webp_alone(content, canvas)
            parts.append(Part(seconds, alone, intact, ((kind, content),)))
        elif not parts:
            head.append(_webp_chunk(kind, content))
        place += 8 + size + size % 2
    shown, kept = _selected(parts)
    body = [_webp_chunk(*p.chunks[0]) for p, keep in zip(parts, kept, strict=True) if keep]
    joined = b"WEBP" + b"".join([*head, *body])
    file = b"RIFF" + struct.pack("<I", len(joined)) + joined
    return Animation(
        np.frombuffer(file, np.uint8), shown, kept, [p.seconds for p in parts], truncated=len(data) < end
    )


def _webp_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _webp_decodes(content: bytes) -> bool:
    """Return whether the image in an ANMF chunk can be decoded on its own."""
    size = content[6:12]
    extended = _webp_chunk(b"VP8X", b"\x10\0\0\0" + size)
    body = b"WEBP" + extended + content[_IMAGE_AT:]
    file = b"RIFF" + struct.pack("<I", len(body)) + body
    try:
        return cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED) is not None
    except cv2.error:
        return False


def _webp_alone(content: bytes, canvas: tuple[int, ...]) -> bool:
    corner, size = content[:6], tuple(int.from_bytes(content[at : at + 3], "little") + 1 for at in (6, 9))
    kind = content[_IMAGE_AT : _IMAGE_AT + 4]
    # The lossless form says in a bit of its header whether it has transparency.
    opaque = kind == b"VP8 " or (kind == b"VP8L" and not content[_IMAGE_AT + 12] & 0x10)
    return not any(corner) and size == canvas and (opaque or bool(content[15] & 2))


def _png(data: bytes) -> Animation:
    head: list[tuple[bytes, bytes]] = []
    groups: list[list[tuple[bytes, bytes, bool]]] = []
    declared, ended = 0, False
    for kind, content, right in _png_chunks(data):
        if kind == b"acTL":
            declared = struct.unpack_from(">I", content)[0]
        elif kind == b"fcTL":
            groups.append([(kind, content, right)])
        elif groups and kind in (b"IDAT", b"fdAT"):
            groups[-1].append((kind, content, right))
        elif kind == _TRAILER:
            ended = True
        elif kind != b"IDAT" and not groups:
            head.append((kind, content))
        elif groups and not right:
            # The kind itself may be what is damaged.
            groups[-1].append((kind, content, right))
    canvas = head[0][1][:8]
    parts = [_png_part(group, canvas) for group in groups]
    shown, kept = _selected(parts)
    chunks, number = [*head, (b"acTL", struct.pack(">II", sum(kept), 0))], 0
    for index, part in enumerate(p for p, keep in zip(parts, kept, strict=True) if keep):
        for kind, content in part.chunks:
            pixels = content[4:] if kind == b"fdAT" else content
            if kind == b"fcTL":
                content = struct.pack(">I", number) + content[4:]
            elif index:
                kind, content = b"fdAT", struct.pack(">I", number) + pixels
            else:
                kind, content = b"IDAT", pixels
            number += kind != b"IDAT"
            chunks.append((kind, content))
    file = _PNG + b"".join(_png_chunk(*chunk) for chunk in [*chunks, (_TRAILER, b"")])
    # Images that the head promises and the file lacks have no rows, only a warning.
    return Animation(
        np.frombuffer(file, np.uint8),
        shown,
        kept,
        [p.seconds for p in parts],
        truncated=not ended or len(parts) < declared,
    )


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Yield kind, content and whether the checksum is right of each chunk; the last may be cut off."""
    place = len(_PNG)
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        content, check = data[place + 8 : place + 8 + size], data[place + 8 + size : place + 12 + size]
        yield kind, content, check == struct.pack(">I", zlib.crc32(kind + content))
        place += 12 + size


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png_part(group: list[tuple[bytes, bytes, bool]], canvas: bytes) -> Part:
    control = group[0][1].ljust(26, b"\0")
    across, below = struct.unpack_from(">HH", control, 20)
    replaces = control[25] == 0 and control[4:20] == canvas + bytes(8)
    intact = len(group) > 1 and all(right for _, _, right in group)
    seconds = across / (below or 100) or _DEFAULT_SECONDS
    return Part(seconds, replaces, intact, tuple((kind, content) for kind, content, _ in group))
