"""Checks of the common video codecs: a short video of each is written and read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from skelstream.diagnosis.check import Check, State, checked

_FRAMES, _HEIGHT, _WIDTH, _GREY = 4, 128, 192, 180
_TOLERANCE = 6  # grey levels that lossy compression may change


@dataclass(frozen=True)
class _Codec:
    """Codec, with FFmpeg's names of its decoder and encoder, and encoder options for speed."""

    name: str
    decoder: str
    encoder: str
    options: dict[str, str] = field(default_factory=dict)


_CODECS = (
    _Codec("H.264", "h264", "libx264", {"preset": "ultrafast"}),
    _Codec("HEVC", "hevc", "libx265", {"preset": "ultrafast", "x265-params": "log-level=none"}),
    _Codec("VP9", "vp9", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    _Codec("AV1", "av1", "libsvtav1", {"preset": "12"}),
)


def codecs() -> Iterator[Check]:
    """Yield a check for each codec."""
    for codec in _CODECS:
        yield checked("codecs", codec.name, lambda codec=codec: _reads(codec))


def _reads(codec: _Codec) -> Check:
    from av.codec import Codec
    from av.codec.codec import UnknownCodecError

    try:
        Codec(codec.decoder, "r")
    except UnknownCodecError:
        missing = "this FFmpeg has no decoder for it; install another: pip install --force-reinstall av"
        return Check("codecs", codec.name, State.BROKEN, missing)
    try:
        Codec(codec.encoder, "w")
    except UnknownCodecError:
        untried = (
            f"decoder {codec.decoder} is available; not tried, since the encoder {codec.encoder} is missing"
        )
        return Check("codecs", codec.name, State.FINE, untried)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "video.mkv"
        _write(codec, path)
        return _read(codec, path)


def _write(codec: _Codec, path: Path) -> None:
    """Write four grey frames."""
    import av
    import numpy as np
    from av.video.stream import VideoStream

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec.encoder, rate=25, options=codec.options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        image = np.full((_HEIGHT, _WIDTH, 3), _GREY, np.uint8)
        for _ in range(_FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())


def _read(codec: _Codec, path: Path) -> Check:
    from skelstream.video import open_source

    with open_source(path) as source:
        frames = list(source)
    images = [frame.image for frame in frames if frame.image is not None]
    if len(images) != _FRAMES:
        return Check(
            "codecs", codec.name, State.BROKEN, f"{len(images)} of {_FRAMES} frames could be decoded"
        )
    error = max(abs(float(image.mean()) - _GREY) for image in images)
    if error > _TOLERANCE:
        return Check("codecs", codec.name, State.BROKEN, f"decoded images are {error:.0f} grey levels off")
    return Check("codecs", codec.name, State.FINE, f"{_FRAMES} frames written and read")
