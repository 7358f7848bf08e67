"""Capture devices by number, path or name."""

from __future__ import annotations

import sys

import av
import av.device
from av.error import FFmpegError

from skelstream.errors import SourceError
from skelstream.video.decoding import Input

CAMERA_PREFIX = "camera:"
_FORMATS = {"darwin": "avfoundation", "win32": "dshow"}


def device_input(device: str, fps: float | None = None, platform: str = sys.platform) -> Input:
    """Return the FFmpeg input of a capture device.

    Args:
        device: number from 0, device file, or (part of) the device's name in the system.
        fps: frames per second to request; None for the device's default.
        platform: value of ``sys.platform``; it selects FFmpeg's input device.

    Raises:
        SourceError: no device has this number or name.
    """
    form = _FORMATS.get(platform, "v4l2")
    options = {} if fps is None else {"framerate": f"{fps:g}"}
    if form == "v4l2":
        url = f"/dev/video{device}" if device.isdecimal() else device
        if not url.startswith("/dev/"):
            url = _named(form, device)
    elif form == "avfoundation":
        url = f"{device}:none"
        # AVFoundation refuses its own default rate on most built-in cameras.
        options.setdefault("framerate", "30")
    else:
        url = f"video={_named(form, device)}"
    return Input(f"camera {device}", url, format=form, options=options)


def _named(form: str, device: str) -> str:
    try:
        listed = av.device.enumerate_input_devices(form)
        found = [d for d in listed if "audio" not in " ".join(d.media_types).lower()]
    except (AttributeError, FFmpegError, ValueError, OSError):
        found = []  # an older PyAV, or an FFmpeg without this kind of device
    if device.isdecimal():
        matches = found[int(device) :]
    else:
        matches = [d for d in found if device.casefold() in f"{d.name} {d.description}".casefold()]
    if not matches:
        cameras = ", ".join(d.description or d.name for d in found) or "none"
        raise SourceError(f"camera {device} was not found: FFmpeg sees these cameras: {cameras}")
    return matches[0].name
