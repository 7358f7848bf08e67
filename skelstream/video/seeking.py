"""Where to start decoding for a given time, with the numbers of the frames known."""

from __future__ import annotations

from dataclasses import dataclass

from skelstream.video.decoding import Decoder, Input, gives_frame

# Containers that keep a display time for each packet and find their key frames by it.
_CONTAINERS = {"mov", "matroska"}
# No codec reorders over more packets than this.
_WINDOW = 32


@dataclass(frozen=True)
class Place:
    """A key frame.

    Attributes:
        pts: its timestamp.
        index: its number in the source, in display order.
        origin: the timestamp of frame 0.
    """

    pts: int
    index: int
    origin: int


def find_place(source: Input, start: float) -> Place | None:
    """The last key frame at or before ``start`` seconds.

    Reads the packets from the beginning without decoding them, since only their count gives the number of a
    frame. None where that count could differ from the frames': then decode from the beginning.
    """
    decoder = Decoder(source)
    try:
        if not _CONTAINERS & set(decoder.container.format.name.split(",")):
            return None
        return _count(decoder, start)
    finally:
        decoder.close()


def _count(decoder: Decoder, start: float) -> Place | None:
    codec, origin, sought = decoder.stream.codec_context.name, None, 0
    place: Place | None = None
    total, beyond = 0, 0
    recent: list[int] = []
    for packet in decoder.packets():
        if not gives_frame(packet, codec):
            continue
        if packet.pts is None:
            return None
        if origin is None:
            origin = packet.pts
            sought = origin + int(start / decoder.time_base)
        # A leading picture at the start may or may not be shown; equal times hide which frame is meant.
        if packet.pts < origin or packet.pts in recent:
            return None
        recent = [*recent[1 - _WINDOW :], packet.pts]
        if packet.is_keyframe and packet.pts <= sought:
            place = Place(packet.pts, total, origin)
        elif place and packet.pts < place.pts:
            place = Place(place.pts, place.index + 1, origin)
        total += 1
        beyond = beyond + 1 if packet.pts > sought else 0
        if beyond > _WINDOW:
            break
    return place if place and place.index else None
