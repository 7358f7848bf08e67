"""Search for the key frame from which to decode for a given time, with its frame number."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from skelstream.video.decoding import Decoder, Input, gives_frame

# Containers that store a display time for each packet and seek by it.
_CONTAINERS = {"mov", "matroska"}
# No codec reorders over more packets than this.
_WINDOW = 32


@dataclass(frozen=True)
class KeyFrame:
    """Key frame and its frame number.

    Attributes:
        pts: timestamp of the key frame.
        index: number of the frame in the source, in display order.
    """

    pts: int
    index: int


def find_key_frame(source: Input, start: float) -> KeyFrame | None:
    """Return the last key frame at or before ``start`` seconds.

    All packets from the beginning are read without decoding, since only their count gives the number of a
    frame. None if that count could differ from the number of frames: then decode from the beginning.
    """
    decoder = Decoder(source)
    try:
        if not _CONTAINERS & set(decoder.container.format.name.split(",")):
            return None
        return _count(decoder, start)
    finally:
        decoder.close()


def _count(decoder: Decoder, start: float) -> KeyFrame | None:
    codec, first = decoder.stream.codec_context.name, None
    sought = int((Fraction(start) + (decoder.zero or 0)) / decoder.time_base)
    found: KeyFrame | None = None
    total, beyond = 0, 0
    recent: list[int] = []
    for packet in decoder.packets():
        if not gives_frame(packet, codec):
            continue
        if packet.pts is None:
            return None
        if first is None:
            first = packet.pts
        # A leading picture at the start may or may not be shown; equal timestamps are ambiguous.
        if packet.pts < first or packet.pts in recent:
            return None
        recent = [*recent[1 - _WINDOW :], packet.pts]
        if packet.is_keyframe and packet.pts <= sought:
            found = KeyFrame(packet.pts, total)
        elif found and packet.pts < found.pts:
            found = KeyFrame(found.pts, found.index + 1)
        total += 1
        beyond = beyond + 1 if packet.pts > sought else 0
        if beyond > _WINDOW:
            break
    return found if found and found.index else None
