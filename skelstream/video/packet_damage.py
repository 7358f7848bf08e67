"""Packets that are known to be damaged before they are decoded."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable, Iterator

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

# FFmpeg's reader of transport streams flags the packet before the damaged one, since it learns of a loss
# while its parser still holds that one back.
_AFTER_FLAG = 1
# FFV1 (RFC 9043, section 4.9): a slice ends with its size in 3 bytes and, if the encoder was asked for it,
# with a status byte and a CRC in 4 bytes.
_FOOTER, _FOOTER_WITH_CRC, _SIZE = 3, 8, 3
# FFV1's CRC takes the highest bit of a byte first, zlib's the lowest.
_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
# Initial values in zlib's notation: that of the RFC, and that of FFmpeg's newer kind of CRC.
_SEEDS = (0xFFFFFFFF, 0xA1CEFD61)

# NAL units of H.264 and HEVC never hold three zero bytes in a row, except at their end. A hole in a file is longer.
_HOLE = bytes(16)
# Place in the global header (avcC, hvcC) of the size of the units' lengths, minus 1, in the lowest two bits.
_LENGTH_SIZE_AT = {"h264": 4, "hevc": 21}


def with_damage(packets: Iterable[Packet], codec: VideoCodecContext) -> Iterator[tuple[Packet, bool]]:
    """Yield each packet, and whether it is known to be damaged.

    A packet is damaged if the container says so of it or of the one before, if it contradicts its own
    checksums, or if it has a hole of zeros that its codec never writes. Where two files are joined the
    container says so too, although nothing is lost: a key frame with an earlier time follows.
    """
    held: deque[Packet] = deque()
    left = 0  # number of packets that the last flag still concerns
    for packet in packets:
        held.append(packet)
        if packet.is_corrupt:
            left = len(held) + _AFTER_FLAG
        elif left and _joined(held):
            left = 0
        while held and (not left or len(held) > 1 + _AFTER_FLAG):
            first = held.popleft()
            yield first, left > 0 or _is_damaged(first, codec)
            left = max(0, left - 1)
    for packet in held:
        yield packet, left > 0 or _is_damaged(packet, codec)
        left = max(0, left - 1)


def _joined(held: deque[Packet]) -> bool:
    """Return whether the last packet begins another file."""
    before, key = held[-2].pts, held[-1].pts
    return held[-1].is_keyframe and before is not None and key is not None and key < before


def _is_damaged(packet: Packet, codec: VideoCodecContext) -> bool:
    return _contradicts_checksums(packet, codec) or _has_hole(packet, codec)


def _has_hole(packet: Packet, codec: VideoCodecContext) -> bool:
    """Return whether a NAL unit of H.264 or HEVC in MP4 or Matroska has a run of zeros before its last other byte."""
    header, at = codec.extradata or b"", _LENGTH_SIZE_AT.get(codec.name)
    if at is None or len(header) <= at or header[0] != 1:
        return False
    data, size, start = bytes(packet), (header[at] & 3) + 1, 0
    if _HOLE not in data:
        return False
    while start < len(data):
        end = start + size + int.from_bytes(data[start : start + size])
        if _HOLE in data[start + size : end].rstrip(b"\0"):
            return True
        start = end
    return False


def _contradicts_checksums(packet: Packet, codec: VideoCodecContext) -> bool:
    # Only FFV1 has checksums in its packets that its decoder does not report; its older versions, which have
    # no global header, lack them.
    if codec.name != "ffv1" or not codec.extradata:
        return False
    data = bytes(packet)
    slices = _slices(data, _FOOTER_WITH_CRC)
    if slices is None:
        return _slices(data, _FOOTER) is None
    mirrored = (data[part].translate(_MIRRORED) for part in slices)
    return not all(any(zlib.crc32(part, seed) == seed for seed in _SEEDS) for part in mirrored)


def _slices(data: bytes, footer: int) -> list[slice] | None:
    """Return the places of a packet's slices, the last first; None if their sizes do not add up."""
    found, end = [], len(data)
    while end:
        size_at = end - footer
        if size_at < 0:
            return None
        start = size_at - int.from_bytes(data[size_at : size_at + _SIZE])
        if start < 0:
            return None
        found.append(slice(start, end))
        end = start
    return found
